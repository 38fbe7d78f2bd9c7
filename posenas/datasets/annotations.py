"""COCO keypoint files and detection files, read into columns."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posenas.datasets.persons import ImageTable, PersonTable
from posenas.geometry import bbox_xywh2xyxy, clean_bbox_xywh
from posenas.skeletons import Skeleton, skeleton_from_category
from posenas.utils.columns import Records
from posenas.utils.errors import DataError
from posenas.utils.files import read_json


@dataclass
class CocoFile:
    """A parsed file in COCO's keypoint layout.

    Attributes:
        path: Where it came from.
        images: Its images.
        annotations: Its annotations; None where the file lists images only.
        category_ids: Categories that have keypoints (all where none lists them), (C,).
        skeleton: Keypoints that those categories name; None where none does.
    """

    path: str
    images: ImageTable
    annotations: Records | None
    category_ids: np.ndarray
    skeleton: Skeleton | None

    def image_rows(self, records: Records) -> np.ndarray:
        """Return the row of each record's image (N,), -1 where the file has no such image."""
        wanted = records.integers('image_id')
        if len(self.images) == 0:
            return np.full(len(wanted), -1)
        order = np.argsort(self.images.ids, kind='stable')
        places = np.searchsorted(self.images.ids, wanted, sorter=order)
        rows = order[np.minimum(places, len(order) - 1)]
        return np.where(self.images.ids[rows] == wanted, rows, -1)

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
        records, rows, single, dropped = self._find_single()
        # Without num_keypoints the visibilities decide below.
        empty = records.integers('num_keypoints', 1) == 0
        keep = single & ~empty
        table = self._labelled(records.where(keep), rows[keep], num_joints)
        labelled = (table.visibility > 0).any(axis=1) & (table.keypoints > 0).any(axis=(1, 2))
        valid = self._clean_boxes(table, generation)
        dropped |= {
            'without keypoints': int((empty & single).sum() + (~labelled).sum()),
            'with an empty box': int((labelled & ~valid).sum()),
        }
        return table.select(labelled & valid), dropped

    def boxes(self, num_joints: int, generation: str) -> tuple[PersonTable, dict[str, int]]:
        """Collect the boxes of all annotated people, whether or not they have keypoints.

        Arguments, returns and errors are those of :meth:`persons`; keypoints are not read.
        """
        records, rows, single, dropped = self._find_single()
        kept = records.where(single)
        table = self._unlabelled(kept, rows[single], kept.integers('id'), num_joints)
        table.areas = kept.numbers('area', float('nan')).astype(np.float32)
        valid = self._clean_boxes(table, generation)
        return table.select(valid), dropped | {'with an empty box': int((~valid).sum())}

    def _find_single(self) -> tuple[Records, np.ndarray, np.ndarray, dict[str, int]]:
        """Return annotations, image rows (N,), which are of one person (N,), counts of others."""
        if self.annotations is None:
            raise DataError(
                f'{self.path}: annotations are required to use annotated boxes; for images '
                'without labels give bbox_file'
            )
        records = self.annotations
        _check_unique(records, records.integers('id'))
        rows = self.image_rows(records)
        if (rows < 0).any():
            raise records.error(int(np.flatnonzero(rows < 0)[0]), 'image_id', 'occur in images')
        other = ~np.isin(records.integers('category_id', 1), self.category_ids)
        crowd = records.integers('iscrowd', 0) != 0
        counts = {
            'of another category': int(other.sum()),
            'crowd': int((crowd & ~other).sum()),
        }
        return records, rows, ~(other | crowd), counts

    def _clean_boxes(self, table: PersonTable, generation: str) -> np.ndarray:
        """Cut the boxes of ``table`` to their images; return which are left with an area (P,)."""
        sizes = self.images.sizes[table.image_rows].astype(np.float32)
        limits = np.where(sizes > 0, sizes, np.inf)
        table.bboxes, valid = clean_bbox_xywh(table.raw_bboxes, limits, generation)
        if generation != '1.x':
            valid &= ~(table.areas <= 0)  # a missing area is NaN and passes
        return valid

    def _unlabelled(
        self, records: Records, rows: np.ndarray, ids: np.ndarray, num_joints: int
    ) -> PersonTable:
        """Collect boxes (left, top, width, height) without keypoints; scores are 1."""
        count = len(records)
        boxes = records.rows('bbox', 4).astype(np.float32)
        return PersonTable(
            images=self.images,
            image_rows=rows.astype(np.int32),
            ids=ids,
            category_ids=records.integers('category_id', 1).astype(np.int32),
            bboxes=bbox_xywh2xyxy(boxes),
            raw_bboxes=boxes,
            bbox_scores=np.ones(count, np.float32),
            keypoints=np.zeros((count, num_joints, 2), np.float32),
            visibility=np.zeros((count, num_joints), np.uint8),
            areas=np.full(count, np.nan, np.float32),
            is_annotated=False,
            track_ids=records.integers('track_id', -1),
        )

    def _labelled(self, records: Records, rows: np.ndarray, num_joints: int) -> PersonTable:
        flat = records.rows('keypoints', 3 * num_joints)
        keypoints = flat.reshape(-1, num_joints, 3)
        count = len(records)
        levels = keypoints[:, :, 2]
        odd = ~np.isin(levels, (0, 1, 2)).all(axis=1)
        if odd.any():
            wrong = int(np.flatnonzero(odd)[0])
            raise records.error(wrong, 'keypoints', 'hold x, y, v with v 0, 1 or 2')
        return PersonTable(
            images=self.images,
            image_rows=rows.astype(np.int32),
            ids=records.integers('id'),
            category_ids=records.integers('category_id', 1).astype(np.int32),
            bboxes=np.zeros((count, 4), np.float32),
            raw_bboxes=records.rows('bbox', 4).astype(np.float32),
            bbox_scores=np.ones(count, np.float32),
            keypoints=keypoints[:, :, :2].astype(np.float32),
            visibility=levels.astype(np.uint8),
            areas=records.numbers('area', float('nan')).astype(np.float32),
            track_ids=records.integers('track_id', -1),
        )

    def detections(
        self, path: str, num_joints: int, score_thr: float | None = None
    ) -> tuple[PersonTable, dict[str, int]]:
        """Collect detected people for the images of this file.

        Args:
            path: List of ``image_id``, ``category_id``, ``bbox`` (left, top, width, height) and
                ``score``.
            num_joints: Number of keypoints K, all unlabelled.
            score_thr: Least score of a box that is kept; None keeps all.

        Returns:
            The people, numbered in the order of the file, and how many boxes were left out by
            reason.

        Raises:
            DataError: A box contradicts the layout, or none belongs to the images.
        """
        records = Records(path, '', read_json(path))
        rows = self.image_rows(records)
        if len(rows) and (rows < 0).all():
            raise records.error(
                0, 'image_id', f'occur in the images of {self.path}, as no box does'
            )
        table = self._unlabelled(records, rows, np.arange(len(records)), num_joints)
        table.bbox_scores = scores = records.numbers('score').astype(np.float32)
        other = ~np.isin(records.integers('category_id', 1), self.category_ids)
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


def read_coco_file(path: str, backend_args: Mapping | None = None) -> CocoFile:
    """Parse the COCO keypoint file at ``path``; annotations are checked when they are collected.

    Raises:
        DataError: It is unreadable, not JSON, or its images or categories are malformed.
    """
    content = read_json(path, backend_args)
    if not isinstance(content, dict) or 'images' not in content:
        raise DataError(
            f'{path}: a COCO keypoint file must be an object with images, annotations and '
            f'categories, got {content!r:.80}'
        )
    records = Records(path, 'images', content['images'])
    ids = records.integers('id')
    _check_unique(records, ids)
    sizes = np.stack([records.integers('width', 0), records.integers('height', 0)], axis=1)
    odd = (sizes < 0) | (sizes > 2**30)
    if odd.any():
        raise records.error(int(np.flatnonzero(odd.any(axis=1))[0]), 'width', 'be a size in pixels')
    images = ImageTable(ids, records.strings('file_name'), sizes, *_read_frames(records))
    annotations = None
    if 'annotations' in content:
        annotations = Records(path, 'annotations', content['annotations'])
    category_ids, skeleton = _read_categories(path, content.get('categories', []))
    return CocoFile(path, images, annotations, category_ids, skeleton)


def _read_frames(records: Records) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return video and number of each frame (I,), as far as the images say them."""
    first = records.records[0] if records.records else {}
    video_key = next((key for key in ('video_id', 'vid_id') if key in first), None)
    videos = frames = None
    if video_key is not None:
        videos = np.array([str(record.get(video_key)) for record in records.records])
    if 'frame_id' in first:
        frames = records.integers('frame_id')
    return videos, frames


def _check_unique(records: Records, ids: np.ndarray) -> None:
    _, first = np.unique(ids, return_index=True)
    if len(first) < len(ids):
        repeated = np.setdiff1d(np.arange(len(ids)), first)
        raise records.error(int(repeated[0]), 'id', 'occur once in its list')


def _read_categories(path: str, categories: object) -> tuple[np.ndarray, Skeleton | None]:
    """Return the categories with keypoints (C,) and their common skeleton."""
    records = Records(path, 'categories', categories)
    with_joints = np.array(['keypoints' in record for record in records.records], dtype=bool)
    if not with_joints.any():
        # A file that names no categories holds people, category 1; COCO's list of test images
        # names them among 79 others.
        named = np.array([record.get('name') == 'person' for record in records.records], bool)
        people = records.where(named) if named.any() else records
        return (people.integers('id') if len(people) else np.array([1])), None
    chosen = records.where(with_joints)
    try:
        skeletons = [skeleton_from_category(record) for record in chosen.records]
    except DataError as error:
        raise DataError(f'{path}: {error}') from error
    if any(skeleton.joint_names != skeletons[0].joint_names for skeleton in skeletons):
        raise DataError(
            f'{path}: categories with keypoints must name the same keypoints; write one file per '
            'skeleton'
        )
    return chosen.integers('id'), skeletons[0]
