"""Persons and images of a data set as columns: small, shared between workers, quick to pickle."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np


class ImageTable:
    """The images of a data set; I images.

    Args:
        ids: Identifiers (I,).
        names: File names, I strings.
        sizes: Width and height (I, 2), pixels; 0 where unknown.
        videos: Names of the videos they are frames of (I,); None where nobody said.
        frames: Numbers of these frames (I,); None where nobody said.

    Attributes:
        ids: As given, int64.
        sizes: As given, int32.
        videos: As given.
        frames: As given, int64.
    """

    def __init__(
        self,
        ids: np.ndarray,
        names: Sequence[str],
        sizes: np.ndarray,
        videos: np.ndarray | None = None,
        frames: np.ndarray | None = None,
    ) -> None:
        self.videos = videos
        self.frames = None if frames is None else frames.astype(np.int64)
        self.ids = ids.astype(np.int64)
        self.sizes = sizes.astype(np.int32)
        # One block of bytes: a list of strings would be copied into every worker, name by name.
        encoded = [name.encode('utf-8', 'surrogatepass') for name in names]
        self._names = np.frombuffer(b''.join(encoded), dtype=np.uint8)
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        self._ends = np.cumsum(lengths)

    def __len__(self) -> int:
        return len(self.ids)

    def name(self, row: int) -> str:
        """Return the file name of the image in ``row``."""
        start = self._ends[row - 1] if row else 0
        return self._names[start : self._ends[row]].tobytes().decode('utf-8', 'surrogatepass')

    def stated_size(self, row: int) -> tuple[int, int] | None:
        """Return width and height of an image as in the file, None where it does not say both."""
        width, height = self.sizes[row].tolist()
        return (width, height) if width and height else None


@dataclass
class PersonTable:
    """The people of a data set; P people, K keypoints.

    Attributes:
        images: The images they are in.
        image_rows: Row of each person's image (P,) int32.
        ids: Identifiers of annotations or detections (P,) int64.
        category_ids: Categories (P,) int32.
        bboxes: Corners (P, 4) float32, image pixels, cut to the image where annotated.
        raw_bboxes: Left, top, width, height as in the file (P, 4) float32.
        bbox_scores: Detection scores (P,) float32; 1 where annotated.
        keypoints: Image pixels (P, K, 2) float32.
        visibility: 0 unlabelled, 1 occluded, 2 visible (P, K) uint8.
        areas: Mask areas (P,) float32, pixels squared; NaN where the file has none.
        is_annotated: Whether boxes and keypoints are annotations, not detections.
        track_ids: Identities within a video (P,) int64, -1 where unknown; None if all are.
        label_scores: How far each keypoint's label is to be trusted (P, K) float32: the score of
            the teacher that set it, 1 where an annotator did; None if annotators set all.
    """

    images: ImageTable
    image_rows: np.ndarray
    ids: np.ndarray
    category_ids: np.ndarray
    bboxes: np.ndarray
    raw_bboxes: np.ndarray
    bbox_scores: np.ndarray
    keypoints: np.ndarray
    visibility: np.ndarray
    areas: np.ndarray
    is_annotated: bool = True
    track_ids: np.ndarray | None = None
    label_scores: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: np.ndarray | slice) -> 'PersonTable':
        """Return the people in ``rows``: indices, a mask (P,) or a slice; images are shared."""
        shared = ('images', 'is_annotated')
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return PersonTable(
            **{
                name: column
                if name in shared or column is None
                else np.ascontiguousarray(column[rows])
                for name, column in columns.items()
            }
        )

    def append(self, others: 'PersonTable') -> 'PersonTable':
        """Return these people and then ``others``, who are in the same images."""
        columns = {
            field.name: [getattr(table, field.name) for table in (self, others)]
            for field in fields(self)
            if field.name not in ('images', 'is_annotated')
        }
        joined = {name: _join_columns(pair) for name, pair in columns.items()}
        return PersonTable(images=self.images, is_annotated=self.is_annotated, **joined)

    def without_labels(self) -> 'PersonTable':
        """Return the same people with their boxes alone: no keypoint is visible."""
        return replace(
            self,
            keypoints=np.zeros_like(self.keypoints),
            visibility=np.zeros_like(self.visibility),
            is_annotated=False,
            label_scores=None,
        )


def _join_columns(columns: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Put columns into one; None where one is missing."""
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if known and len(known) == len(columns) else None


def join_images(tables: Sequence[ImageTable]) -> ImageTable:
    """Put the images of several files into one table, in order."""
    return ImageTable(
        np.concatenate([table.ids for table in tables]),
        [table.name(row) for table in tables for row in range(len(table))],
        np.concatenate([table.sizes for table in tables]),
        _join_columns([table.videos for table in tables]),
        _join_columns([table.frames for table in tables]),
    )


def join_persons(tables: Sequence[PersonTable]) -> PersonTable:
    """Put the people of several files of one kind into one table, in order."""
    starts = np.cumsum([0, *(len(table.images) for table in tables)])
    rows = [table.image_rows + start for table, start in zip(tables, starts, strict=False)]
    others = {
        field.name: [getattr(table, field.name) for table in tables]
        for field in fields(PersonTable)
        if field.name not in ('images', 'image_rows', 'is_annotated')
    }
    return PersonTable(
        images=join_images([table.images for table in tables]),
        image_rows=np.concatenate(rows).astype(np.int32),
        is_annotated=tables[0].is_annotated,
        **{name: _join_columns(columns) for name, columns in others.items()},
    )
