"""MPII Human Pose, in the JSON layout that single-person codes share."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from posenas.datasets.base import BaseTopdownDataset
from posenas.datasets.persons import ImageTable, PersonTable
from posenas.geometry import bbox_cs2xyxy, bbox_xyxy2xywh
from posenas.registry import DATASETS
from posenas.utils.columns import Records
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.files import read_json
from posenas.utils.mat_file import read_mat

#: Height of a person of scale 1, pixels.
_PIXELS = 200.0
#: How far the crop's centre lies below the annotated one, pixels of a person of scale 1: the
#: annotated centre is the torso's.
_DROP = 15.0
#: Padding by which the published codes enlarge people that have a centre, and only those.
_PADDING = 1.25
#: Place of each keypoint in the order of Pose Neural Fabrics Search.
_PNFS_PLACES = (14, 12, 10, 9, 11, 13, 15, 2, 1, 0, 8, 6, 4, 3, 5, 7)


@DATASETS.register_module()
class MpiiDataset(BaseTopdownDataset):
    """Persons of MPII; a list of ``image``, ``center``, ``scale``, ``joints``, ``joints_vis``.

    The file counts pixels from 1, samples count from 0. The box is a square around the person;
    :class:`posenas.datasets.transforms.GetBBoxCenterScale` with its padding of 1.25 gives the
    published crop. A file without keypoints, such as the test split's, gives people without labels.
    ``id`` is the place of the person in the file, ``img_id`` the number that names its image. In
    test mode ``raw_ann_info`` has, with a ``headbox_file``, the exact ``keypoints`` of that file
    and ``head_box`` (2, 2), corners in image pixels.

    Source: Andriluka et al., 2D Human Pose Estimation: New Benchmark and State of the Art
    Analysis, CVPR 2014.

    Args:
        ann_file: JSON file, relative to ``data_root``.
        headbox_file: MATLAB file with the same people's ``headboxes_src`` (2, 2, N),
            ``pos_gt_src`` (16, 2, N) and ``jnt_missing`` (16, N); PCKh needs it.
        legacy_visibility: Whether keypoints take the visibility of others, as in the published
            training of Pose Neural Fabrics Search, which ordered keypoints anew but not their
            flags.
        **kwargs: Arguments of :class:`BaseTopdownDataset`; ``bbox_file`` must be None.

    Raises:
        ConfigError: A ``bbox_file`` is given.
        DataError: A file is malformed, or the files disagree on the number of people.
    """

    METAINFO: ClassVar[Mapping[str, str]] = {'dataset_name': 'mpii'}

    def __init__(
        self,
        ann_file: str = '',
        headbox_file: str | None = None,
        legacy_visibility: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.get('bbox_file'):
            raise ConfigError(
                'bbox_file of MpiiDataset must be None: MPII is evaluated at its own centres'
            )
        self.headbox_file = headbox_file
        self.legacy_visibility = legacy_visibility
        self._head_boxes: np.ndarray | None = None
        super().__init__(ann_file, **kwargs)

    def list_files(self) -> list[str]:
        """List no file: MPII's layout is its own."""
        return []

    def load_persons(self) -> tuple[PersonTable, dict[str, int]]:
        """Read the people, all of them."""
        persons = read_mpii_persons(self.ann_file, self.skeleton.num_joints, self.backend_args)
        if self.legacy_visibility:
            persons.visibility = persons.visibility[:, _PNFS_PLACES]
        if self.headbox_file and self.test_mode:
            self._read_head_boxes(len(persons))
        return persons, {}

    def _read_head_boxes(self, count: int) -> None:
        """Read boxes and keypoints by which ``count`` people are judged."""
        num_joints = self.skeleton.num_joints
        shapes = {
            'headboxes_src': (2, 2, count),
            'pos_gt_src': (num_joints, 2, count),
            'jnt_missing': (num_joints, count),
        }
        arrays = read_mat(self.headbox_file, tuple(shapes))
        for name, shape in shapes.items():
            if arrays[name].shape != shape:
                raise DataError(
                    f'{self.headbox_file}: {name} must have shape {shape} for the {count} people '
                    f'of {self.ann_file}, got {arrays[name].shape}: give the files of one split'
                )
        points = arrays['pos_gt_src'].astype(np.float64).transpose(2, 0, 1) - 1  # (N, K, 2)
        visible = arrays['jnt_missing'].T[..., None] == 0
        self._head_boxes = arrays['headboxes_src'].astype(np.float64).transpose(2, 0, 1) - 1
        self._judged = np.concatenate([points, visible], axis=2)  # (N, K, 3)

    def _raw_annotation(self, index: int, info: Mapping[str, Any]) -> dict[str, Any]:
        annotation = super()._raw_annotation(index, info)
        if self._head_boxes is None:
            return annotation
        row = info['id']
        return annotation | dict(
            keypoints=self._judged[row].ravel().tolist(),
            num_keypoints=int(self._judged[row, :, 2].sum()),
            head_box=self._head_boxes[row].tolist(),
        )


def read_mpii_persons(
    path: str, num_joints: int, backend_args: Mapping[str, Any] | None = None
) -> PersonTable:
    """Read all people of an MPII file; see :class:`MpiiDataset` for boxes and numbering.

    Args:
        path: JSON file.
        num_joints: Number of keypoints K that each person must have, if any has.
        backend_args: Backend of the file, for mmengine's fileio.

    Raises:
        DataError: The file is malformed.
    """
    records = Records(path, '', read_json(path, backend_args))
    joints, visibility = _read_joints(records, num_joints)
    images, image_rows = _index_images(records.strings('image'))
    boxes = published_boxes(records.rows('center', 2), records.numbers('scale'))
    count = len(records)
    return PersonTable(
        images=images,
        image_rows=image_rows,
        ids=np.arange(count),
        category_ids=np.ones(count, np.int32),
        bboxes=boxes.astype(np.float32),
        raw_bboxes=bbox_xyxy2xywh(boxes).astype(np.float32),
        bbox_scores=np.ones(count, np.float32),
        keypoints=joints.astype(np.float32),
        visibility=visibility,
        areas=np.full(count, np.nan, np.float32),
        is_annotated=any('joints' in record for record in records.records),
    )


def _read_joints(records: Records, num_joints: int) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints (N, K, 2) float64, counted from 0, and visibilities (N, K), 0 or 1."""
    if not any('joints' in record for record in records.records):
        shape = (len(records), num_joints)
        return np.zeros((*shape, 2)), np.zeros(shape, np.uint8)
    must = f'be a list of {num_joints} pairs x, y'
    flat = []
    for i, record in enumerate(records.records):
        joints = record.get('joints')
        pairs = isinstance(joints, list) and all(isinstance(joint, list) for joint in joints)
        if not pairs or {len(joint) for joint in joints} != {2} or len(joints) != num_joints:
            raise records.error(i, 'joints', must)
        flat.append(dict(record, joints=list(chain.from_iterable(joints))))
    points = Records(records.path, records.section, flat).rows('joints', 2 * num_joints)
    levels = records.rows('joints_vis', num_joints)
    odd = (levels < 0).any(axis=1)
    if odd.any():
        raise records.error(int(np.flatnonzero(odd)[0]), 'joints_vis', 'hold 0 or 1')
    return points.reshape(-1, num_joints, 2) - 1, (levels > 0).astype(np.uint8)


def _index_images(names: list[str]) -> tuple[ImageTable, np.ndarray]:
    """Return the different images, in order of appearance, and each person's row (N,)."""
    rows: dict[str, int] = {}
    image_rows = np.array([rows.setdefault(name, len(rows)) for name in names], np.int32)
    numbers = [name.split('.')[0] for name in rows]
    are_numbers = all(number.isdecimal() and len(number) < 19 for number in numbers)
    ids = np.array(numbers, np.int64) if are_numbers else np.arange(len(rows))
    if len(np.unique(ids)) < len(ids):
        ids = np.arange(len(rows))
    return ImageTable(ids, list(rows), np.zeros((len(rows), 2))), image_rows


def published_boxes(centers: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return corners (N, 4), counted from 0, that padding by 1.25 turns into published crops.

    Args:
        centers: (N, 2) as in the file; x is -1 where there is none.
        scales: (N,) as in the file.
    """
    is_known = centers[:, 0] != -1
    drop = np.where(is_known, _DROP * scales, 0)
    middle = np.stack([centers[:, 0], centers[:, 1] + drop], axis=1) - 1
    size = _PIXELS * scales / np.where(is_known, 1, _PADDING)
    return bbox_cs2xyxy(middle, np.stack([size, size], axis=1))
