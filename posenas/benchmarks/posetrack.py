"""What scoring costs at the size of PoseTrack 2018's validation set."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from posenas.evaluation.functional import (
    MATCH_DISTANCE,
    VideoFrame,
    collect_detections,
    count_tracks,
)
from posenas.evaluation.posetrack import (
    pair_frames,
    read_video_results,
    read_videos,
    summarise,
    video_content,
)
from posenas.skeletons import POSETRACK18
from posenas.utils import ConfigError, write_json
from posenas.utils.randomness import Stream, make_generator

_LARGEST_CROWD = 12
#: Deviation of found keypoints, pixels; heads have diagonals of 50.
_NOISE = 5.0
#: Shares of people that are not found, of found people that are none and of keypoints not labelled.
_MISSED_SHARE, _FALSE_SHARE, _UNLABELLED_SHARE = 0.15, 0.3, 0.2


#: Annotation and all keypoints, labelled or not (K, 2).
_Person = tuple[dict[str, Any], np.ndarray]


@dataclass(frozen=True)
class PoseTrackCost:
    """Seconds of processor time, by stage.

    Attributes:
        reading: Reading and checking the files of annotations and results, pairing of frames.
        precision: Average precision of keypoints.
        tracking: MOTA, MOTP, precision and recall of tracks.
        matching: The lower bound: distances of all pairs of people of each frame, and scipy's
            assignment of each kind of keypoint.
        scores: What the evaluation returned.
        num_frames: Frames with annotated people.
        num_videos: Videos.
        num_people: Annotated people.
        num_results: Found people.
    """

    reading: float
    precision: float
    tracking: float
    matching: float
    scores: dict[str, float]
    num_frames: int
    num_videos: int
    num_people: int
    num_results: int

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return self.reading + self.precision + self.tracking


def write_posetrack(
    folder: Path, num_videos: int, num_frames: int, seed: int = 0
) -> tuple[Path, Path]:
    """Write annotations and results in the official layout, one file per video each.

    One to twelve people walk through each video. Results are noisy, miss people, find others where
    nobody is, and change identities.

    Args:
        folder: Folder to write into.
        num_videos: Videos.
        num_frames: Frames of all videos together.
        seed: Seed; each video has random numbers of its own.

    Returns:
        Folders of annotations and of results.
    """
    truth, results = folder / 'annotations', folder / 'results'
    lengths = np.diff(np.linspace(0, num_frames, num_videos + 1).round().astype(int))
    for number, length in enumerate(lengths):
        rng = make_generator(Stream.MEASURED_VIDEOS, seed, number)
        name = f'{number + 1:06}_mpii_test'
        first = 10**10 + (number + 1) * 10**4
        images = [dict(id=int(first + t), file_name=f'{name}/{t:06}.jpg') for t in range(length)]
        people = _walk(rng, [image['id'] for image in images])
        write_json(truth / f'{name}.json', video_content(images, [each for each, _ in people]))
        write_json(results / f'{name}.json', video_content(images, _find(rng, people)))
    return truth, results


def _walk(rng: np.random.Generator, image_ids: Sequence[int]) -> list[_Person]:
    """Sample the people of a video."""
    count, joints = int(rng.integers(1, _LARGEST_CROWD + 1)), POSETRACK18.num_joints
    poses = rng.uniform(100, 900, (count, 1, 2)) + rng.normal(0, 60, (count, joints, 2))
    people = []
    for image_id in image_ids:
        poses = poses + rng.normal(0, 5, (count, 1, 2))
        labelled = rng.random((count, joints)) >= _UNLABELLED_SHARE
        people += [
            (
                dict(
                    image_id=int(image_id),
                    track_id=track,
                    bbox_head=[*pose[1].tolist(), 30, 40],
                    keypoints=_pack(pose, exists),
                    scores=[],
                ),
                pose,
            )
            for track, (pose, exists) in enumerate(zip(poses, labelled, strict=True))
        ]
    return people


def _find(rng: np.random.Generator, people: Sequence[_Person]) -> list[dict[str, Any]]:
    """Sample what a network would find of annotated people."""
    found = []
    for number, (person, pose) in enumerate(people):
        if rng.random() >= _MISSED_SHARE:
            strange = rng.random() < 0.02
            track = person['track_id'] + (100 + number if strange else 0)
            noise = rng.normal(0, _NOISE, pose.shape)
            found.append(_describe(rng, person['image_id'], track, pose + noise, 0.3))
        if rng.random() < _FALSE_SHARE:
            place = rng.uniform(100, 900, 2) + rng.normal(0, 60, pose.shape)
            found.append(_describe(rng, person['image_id'], 10_000 + number, place, 0.0))
    return found


def _describe(
    rng: np.random.Generator, image_id: int, track: int, pose: np.ndarray, least: float
) -> dict[str, Any]:
    scores = rng.uniform(least, least + 0.7, len(pose)).round(4)
    return dict(
        image_id=image_id,
        track_id=track,
        keypoints=_pack(pose, np.ones(len(pose), bool)),
        scores=scores.tolist(),
        score=float(scores.mean()),
    )


def _pack(pose: np.ndarray, exists: np.ndarray) -> list[float]:
    rows: list[float] = (
        np.where(exists[:, None], np.column_stack([pose.round(2), np.ones(len(pose))]), 0)
        .ravel()
        .tolist()
    )
    return rows


def match_barely(frames: Sequence[VideoFrame]) -> int:
    """Match the keypoints of each frame by distance alone; returns the number of matches."""
    matches = 0
    for frame in frames:
        offsets = frame.truth[:, None] - frame.results[None]
        distances = np.sqrt((offsets**2).sum(-1)) / frame.head_sizes[:, None, None]  # (G, P, K)
        distances[~np.broadcast_to(frame.labelled[:, None], distances.shape)] = np.inf
        for joint in np.moveaxis(distances, -1, 0):
            rows, columns = linear_sum_assignment(np.minimum(joint, 1e3))
            matches += int((joint[rows, columns] <= MATCH_DISTANCE).sum())
    return matches


def benchmark_posetrack(
    num_videos: int = 170, num_frames: int = 3902, seed: int = 0
) -> PoseTrackCost:
    """Time scoring of precision and tracking, by default as many frames as users report.

    Args:
        num_videos: Videos.
        num_frames: Frames of all videos together, at least one for each.
        seed: Seed of annotations and results.

    Raises:
        ConfigError: There are fewer frames than videos.
    """
    if num_frames < num_videos:
        raise ConfigError(
            f'num_frames must be at least num_videos, got {num_frames} and {num_videos}'
        )
    with TemporaryDirectory() as folder:
        truth, results = write_posetrack(Path(folder), num_videos, num_frames, seed)
        start = time.process_time()
        videos = read_videos(truth, with_tracks=True)
        frames = pair_frames(videos, read_video_results(results, videos, with_tracks=True))
        read = time.process_time()
    detections = collect_detections(frames, num_videos)
    scores = summarise(detections)
    judged = time.process_time()
    scores = summarise(detections, count_tracks(frames, num_videos))
    tracked = time.process_time()
    match_barely(frames)
    end = time.process_time()
    return PoseTrackCost(
        reading=read - start,
        precision=judged - read,
        tracking=tracked - judged,
        matching=end - tracked,
        scores=scores,
        num_frames=len(frames),
        num_videos=num_videos,
        num_people=sum(len(frame.truth) for frame in frames),
        num_results=sum(len(frame.results) for frame in frames),
    )
