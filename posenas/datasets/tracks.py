"""People of videos as tracks: in which video and frame, and who follows whom."""

import re
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import PurePosixPath

import numpy as np

from posenas.datasets.persons import ImageTable, PersonTable
from posenas.geometry import bbox_iou, match_boxes
from posenas.utils.errors import DataError

#: Intersection over union of detected boxes in two frames that may be one person.
_MIN_OVERLAP = 0.3


@dataclass(frozen=True)
class Tracks:
    """People of videos in the order of videos, frames and tracks.

    Attributes:
        persons: The people, P.
        videos: Video of each, numbered in the order of their names (P,).
        frames: Number of the frame (P,).
        tracks: Identity within the video (P,); -1 where unknown.
        is_labelled: Whether the frame was looked at by annotators, or the box detected (P,).
    """

    persons: PersonTable
    videos: np.ndarray
    frames: np.ndarray
    tracks: np.ndarray
    is_labelled: np.ndarray

    def find_next(self, max_gap: int) -> np.ndarray:
        """Return the row of each person in the next frame (P,), -1 where the track ends.

        Args:
            max_gap: Difference of the numbers of two frames that follow each other, at most.
        """
        order = np.lexsort((self.frames, self.tracks, self.videos))
        here, there = order[:-1], order[1:]
        gap = self.frames[there] - self.frames[here]
        same = (self.videos[here] == self.videos[there]) & (self.tracks[here] == self.tracks[there])
        same &= (self.tracks[here] >= 0) & (gap > 0) & (gap <= max_gap)
        following = np.full(len(order), -1)
        following[here[same]] = there[same]
        return following


def follow_people(persons: PersonTable, source: str, fill: int, max_gap: int = 1) -> Tracks:
    """Put people into the order of their videos.

    Detected people without an identity are paired from frame to frame by the overlap of their
    boxes, the largest first.

    Args:
        persons: The people of a data set.
        source: Where they come from, for messages.
        fill: Longest run of frames without any annotation through which a track is carried on, its
            box held: such a person has no labels.
        max_gap: Difference of the numbers of two frames that follow each other, at most.

    Raises:
        DataError: The frames have no numbers, or nobody says who is who in one of them.
    """
    videos, frames = _locate(persons.images, source)
    tracks = _name_tracks(persons, videos, source)
    if (tracks < 0).any():
        rows = persons.image_rows
        tracks = _link_boxes(persons.bboxes, tracks, videos[rows], frames[rows], max_gap)
    persons = replace(persons, track_ids=tracks)
    is_labelled = np.ones(len(persons), bool)
    if fill and persons.is_annotated:
        added = _carry_on(persons, videos, frames, fill)
        persons = persons.append(added)
        is_labelled = np.concatenate([is_labelled, np.zeros(len(added), bool)])
    rows, tracks = persons.image_rows, persons.track_ids
    order = np.lexsort((persons.ids, tracks, frames[rows], videos[rows]))
    columns = (videos[rows], frames[rows], tracks, is_labelled)
    return Tracks(persons.select(order), *(column[order] for column in columns))


def _locate(images: ImageTable, source: str) -> tuple[np.ndarray, np.ndarray]:
    """Return video, numbered, and frame of each image (I,).

    Where the file does not say them, a folder is a video and the last number in the name is the
    frame.

    Raises:
        DataError: A name holds no number.
    """
    names = [PurePosixPath(images.name(row)) for row in range(len(images))]
    folders = [str(name.parent) for name in names]
    given = folders if images.videos is None else images.videos.tolist()
    keys = [f'{video}|{folder}' for video, folder in zip(given, folders, strict=True)]
    _, videos = np.unique(keys, return_inverse=True)
    frames = images.frames
    if frames is None:
        numbers = [re.findall('[0-9]+', name.stem)[-1:] for name in names]
        if not all(numbers):
            raise DataError(
                f'{source}: frames of videos must have frame_id or be named by their number, got '
                f'{names[numbers.index([])]}'
            )
        frames = np.array([int(number) for (number,) in numbers])
    return videos, frames


def _name_tracks(persons: PersonTable, videos: np.ndarray, source: str) -> np.ndarray:
    """Return the identity of each person (P,); in a video of single people without any it is 0.

    Raises:
        DataError: Annotated people are together in a frame, and one has no identity.
    """
    tracks = np.full(len(persons), -1) if persons.track_ids is None else persons.track_ids.copy()
    _, first, counts = np.unique(persons.image_rows, return_inverse=True, return_counts=True)
    is_single = counts[first] == 1
    owners = videos[persons.image_rows]
    unclear = np.isin(owners, np.unique(owners[~is_single | (tracks >= 0)]))
    tracks[~unclear] = 0
    missing = np.flatnonzero(tracks < 0)
    if persons.is_annotated and len(missing):
        raise DataError(
            f'{source}: people of videos must have track_id, got none of annotation '
            f'{persons.ids[missing[0]]} and {len(missing) - 1} more'
        )
    return tracks


def _link_boxes(
    bboxes: np.ndarray, tracks: np.ndarray, videos: np.ndarray, frames: np.ndarray, max_gap: int
) -> np.ndarray:
    """Return the identities (P,) of people of whom some have none, by their boxes (P, 4)."""
    named = tracks.copy()
    newest = int(tracks.max(initial=-1))
    order = np.lexsort((frames, videos))
    unnamed = order[tracks[order] < 0].tolist()
    last: tuple[int, int] | None = None
    before: list[int] = []
    for place, group in groupby(unnamed, key=lambda row: (int(videos[row]), int(frames[row]))):
        here = list(group)
        if last is not None and last[0] == place[0] and place[1] - last[1] <= max_gap:
            overlaps = bbox_iou(bboxes[before], bboxes[here])
            for old, new in match_boxes(overlaps, _MIN_OVERLAP):
                named[here[new]] = named[before[old]]
        for row in here:
            if named[row] < 0:
                newest += 1
                named[row] = newest
        last, before = place, here
    return named


def _carry_on(
    persons: PersonTable, videos: np.ndarray, frames: np.ndarray, fill: int
) -> PersonTable:
    """Return people in frames without any annotation, between two annotated frames of their track.

    Args:
        persons: People with tracks.
        videos: Video of each image (I,).
        frames: Number of each image (I,).
        fill: Frames that may be missing.
    """
    rows = persons.image_rows
    is_empty = np.ones(len(videos), bool)
    is_empty[rows] = False
    images = {
        (video, frame): row
        for row, (video, frame) in enumerate(zip(videos.tolist(), frames.tolist(), strict=True))
        if is_empty[row]
    }
    order = np.lexsort((frames[rows], persons.track_ids, videos[rows]))
    owners, numbers = videos[rows], frames[rows]
    sources, targets = [], []
    for here, there in zip(order[:-1].tolist(), order[1:].tolist(), strict=True):
        is_same = owners[here] == owners[there]
        is_same &= persons.track_ids[here] == persons.track_ids[there]
        if not is_same or not 1 < numbers[there] - numbers[here] <= fill + 1:
            continue
        between = [(owners[here], frame) for frame in range(numbers[here] + 1, numbers[there])]
        found = [images[place] for place in between if place in images]
        sources += [here] * len(found)
        targets += found
    held = replace(persons.select(np.array(sources, int)).without_labels(), is_annotated=True)
    first = int(persons.ids.max()) + 1
    return replace(
        held,
        image_rows=np.array(targets, np.int32),
        ids=np.arange(first, first + len(targets)),
    )
