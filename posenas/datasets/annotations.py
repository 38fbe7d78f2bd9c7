"""COCO keypoint files and detection files, as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from posenas.annotations import AnnotationFile, Source, list_videos, read_annotations
from posenas.datasets.persons import ImageTable, PersonTable
from posenas.geometry import bbox_xywh2xyxy, clean_bbox_xywh
from posenas.skeletons import Skeleton
from posenas.utils.columns import Records
from posenas.utils.errors import DataError
from posenas.utils.files import read_json

#: Why labelled people are left out all the same: what their labels or boxes lack.
LOST = ('labelled outside of the image', 'with an empty box', 'with area 0')
#: What a file needs to be trained on.
NOBODY = 'at least one person must have labelled keypoints (v > 0) and a box'


@dataclass
class CocoFile:
    """A file in COCO's keypoint layout as columns.

    Attributes:
        file: What it holds.
        images: Its images.
    """

    file: AnnotationFile
    images: ImageTable = field(init=False)

    def __post_init__(self) -> None:
        records = self.file.content['images']
        self.images = ImageTable(
            np.array([record['id'] for record in records], np.int64),
            [record['file_name'] for record in records],
            np.array([(r.get('width', 0), r.get('height', 0)) for r in records], np.int64).reshape(
                -1, 2
            ),
            *_read_frames(records),
        )

    @property
    def path(self) -> str:
        """Where it came from."""
        return self.file.path

    @property
    def skeleton(self) -> Skeleton | None:
        """Keypoints that its categories name; None where none does."""
        return self.file.skeleton

    def image_rows(self, ids: np.ndarray) -> np.ndarray:
        """Return the row of each image id (N,), -1 where the file has no such image."""
        if len(self.images) == 0:
            return np.full(len(ids), -1)
        order = np.argsort(self.images.ids, kind='stable')
        places = np.searchsorted(self.images.ids, ids, sorter=order)
        rows = order[np.minimum(places, len(order) - 1)]
        return np.where(self.images.ids[rows] == ids, rows, -1)

    def persons(self, num_joints: int, generation: str) -> tuple[PersonTable, dict[str, int]]:
        """Collect the annotated people that can be trained on.

        Args:
            num_joints: Number of keypoints K that each annotation must have.
            generation: Box cleaning, see :func:`posenas.geometry.clean_bbox_xywh`.

        Returns:
            The people, and how many annotations were left out by reason.

        Raises:
            DataError: An annotation contradicts the file, or there are none.
        """
        self._check(num_joints)
        table, lost = self.labelled(num_joints, generation)
        counts = {reason: int((lost == reason).sum()) for reason in LOST}
        return table.select(lost == ''), self.file.left_out | counts

    def labelled(self, num_joints: int, generation: str) -> tuple[PersonTable, np.ndarray]:
        """Return all people with labelled keypoints, and why each is lost (P,), '' if it is not."""
        chosen = [
            record
            for (_, record), kept in zip(self.file.people, self.file.labelled, strict=True)
            if kept
        ]
        records = Records(self.path, 'annotations', chosen)
        table = self._unlabelled(records, num_joints)
        keypoints = records.rows('keypoints', 3 * num_joints).reshape(-1, num_joints, 3)
        table.keypoints = keypoints[:, :, :2].astype(np.float32)
        table.visibility = keypoints[:, :, 2].astype(np.uint8)
        table.is_annotated = True
        reasons = self._clean(table, generation)
        corner = ~(table.keypoints > 0).any(axis=(1, 2))
        return table, np.where(corner, LOST[0], reasons)

    def teacher_keypoints(self, num_joints: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Collect the keypoints of a teacher, with its ``keypoint_scores``.

        Args:
            num_joints: Number of keypoints K that each annotation must have.

        Returns:
            Identifiers of the annotations (N,), keypoints (N, K, 3): x and y in image pixels and
            whether they are given, and scores (N, K).

        Raises:
            DataError: An annotation contradicts the layout, or has no scores.
        """
        self._check(num_joints)
        records = Records(self.path, 'annotations', [record for _, record in self.file.people])
        flat = records.rows('keypoints', 3 * num_joints).reshape(-1, num_joints, 3)
        return records.integers('id'), flat, records.rows('keypoint_scores', num_joints)

    def boxes(self, num_joints: int, generation: str) -> tuple[PersonTable, dict[str, int]]:
        """Collect the boxes of all annotated people, whether or not they have keypoints.

        Arguments, returns and errors are those of :meth:`persons`; keypoints are not read.
        """
        self._check(num_joints)
        records = Records(self.path, 'annotations', [record for _, record in self.file.people])
        table = self._unlabelled(records, num_joints)
        lost = self._clean(table, generation)
        others = {k: v for k, v in self.file.left_out.items() if k != 'without keypoints'}
        counts = {reason: int((lost == reason).sum()) for reason in LOST[1:]}
        return table.select(lost == ''), others | counts

    def regions(self, num_joints: int) -> tuple[PersonTable, np.ndarray, dict[str, int]]:
        """Collect the boxes of all annotated people and of crowds, cut to their images.

        Args:
            num_joints: Number of keypoints K that each annotation must have.

        Returns:
            People and crowds without keypoints, which are crowds (N,), and how many annotations
            were left out by reason.

        Raises:
            DataError: An annotation contradicts the file, or there are none.
        """
        self._check(num_joints)
        people = [record for _, record in self.file.people]
        rest = self.file.people_content()['annotations']
        crowds = [record for record in rest if record.get('iscrowd', 0)]
        records = Records(self.path, 'annotations', people + crowds)
        table = self._unlabelled(records, num_joints)
        sizes = self.images.sizes[table.image_rows].astype(np.float32)
        limits = np.where(sizes > 0, sizes + 1, np.inf)  # corners may lie on the border
        table.bboxes, valid = clean_bbox_xywh(table.raw_bboxes, limits)
        others = ('crowd', 'without keypoints')
        counts = {k: v for k, v in self.file.left_out.items() if k not in others}
        crowd = np.arange(len(table)) >= len(people)
        return table.select(valid), crowd[valid], counts | {LOST[1]: int((~valid).sum())}

    def _check(self, num_joints: int) -> None:
        if not self.file.has_annotations:
            raise DataError(
                f'{self.path}: annotations are required to use annotated boxes; for images '
                'without labels give bbox_file'
            )
        self.file.check_people(num_joints)
        self.file.findings.require()

    def _clean(self, table: PersonTable, generation: str) -> np.ndarray:
        """Cut the boxes of ``table`` to their images; return why each person is lost (P,)."""
        sizes = self.images.sizes[table.image_rows].astype(np.float32)
        limits = np.where(sizes > 0, sizes, np.inf)
        table.bboxes, valid = clean_bbox_xywh(table.raw_bboxes, limits, generation)
        small = table.areas <= 0 if generation != '1.x' else np.zeros(len(table), bool)
        return np.where(~valid, LOST[1], np.where(small, LOST[2], ''))  # a missing area is NaN

    def _unlabelled(self, records: Records, num_joints: int) -> PersonTable:
        """Collect boxes (left, top, width, height) without keypoints; scores are 1."""
        count = len(records)
        boxes = records.rows('bbox', 4).astype(np.float32)
        return PersonTable(
            images=self.images,
            image_rows=self.image_rows(records.integers('image_id')).astype(np.int32),
            ids=records.integers('id'),
            category_ids=records.integers('category_id', 1).astype(np.int32),
            bboxes=bbox_xywh2xyxy(boxes),
            raw_bboxes=boxes,
            bbox_scores=np.ones(count, np.float32),
            keypoints=np.zeros((count, num_joints, 2), np.float32),
            visibility=np.zeros((count, num_joints), np.uint8),
            areas=records.numbers('area', float('nan')).astype(np.float32),
            is_annotated=False,
            track_ids=records.integers('track_id', -1),
        )

    def detections(
        self, path: str, num_joints: int, score_thr: float | None = None
    ) -> tuple[PersonTable, dict[str, int]]:
        """Collect detected people for the images of this file.

        Args:
            path: List of ``image_id``, ``category_id``, ``bbox`` (left, top, width, height) and
                ``score``; an image may be named by its file.
            num_joints: Number of keypoints K, all unlabelled.
            score_thr: Least score of a box that is kept; None keeps all.

        Returns:
            The people, numbered in the order of the file, and how many boxes were left out by
            reason.

        Raises:
            DataError: A box contradicts the layout, or none belongs to the images.
        """
        records = Records(path, '', read_json(path))
        for number, record in enumerate(records.records):
            record['id'], image_id = number, record.get('image_id')
            record.pop('area', None)
            if type(image_id) is not int and (found := self.file.images.find(image_id)) is not None:
                record['image_id'] = found
        table = self._unlabelled(records, num_joints)
        rows = table.image_rows
        if len(rows) and (rows < 0).all():
            raise records.error(
                0, 'image_id', f'occur in the images of {self.path}, as no box does'
            )
        table.bbox_scores = scores = records.numbers('score').astype(np.float32)
        other = ~np.isin(table.category_ids, list(self.file.category_ids))
        elsewhere = (rows < 0) & ~other
        empty = (table.raw_bboxes[:, 2:] <= 0).any(axis=1) & ~other & ~elsewhere
        weak = np.zeros(len(records), bool) if score_thr is None else scores < score_thr
        weak &= ~(other | elsewhere | empty)
        dropped = {
            'of another category': int(other.sum()),
            'of images that are not listed': int(elsewhere.sum()),
            'with an empty box': int(empty.sum()),
            'below the score threshold': int(weak.sum()),
        }
        return table.select(~(other | elsewhere | empty | weak)), dropped


def read_coco_file(
    path: str,
    backend_args: Mapping | None = None,
    image_folder: str | None = None,
    source: Source | None = None,
) -> CocoFile:
    """Parse the COCO keypoint file at ``path``; annotations are checked when they are collected.

    Args:
        path: The file.
        backend_args: Backend of the file, for mmengine's fileio.
        image_folder: Where the names of the images start; names that label tools write otherwise
            are replaced by those of the files there. None leaves them.
        source: See :func:`posenas.annotations.read_annotations`.

    Raises:
        DataError: It is unreadable, not JSON, or its images or categories are malformed.
    """
    file = read_annotations(path, backend_args, source)
    file.findings.require()
    if image_folder is not None:
        file.locate_images(image_folder)
    return CocoFile(file)


def _read_frames(records: Sequence[Mapping]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return video and number of the frame of each image (I,), as far as the file says them."""
    names = list_videos(records)
    videos = None if names is None else np.array(names)
    frames = None
    if records and all(type(record.get('frame_id')) is int for record in records):
        frames = np.array([record['frame_id'] for record in records])
    return videos, frames
