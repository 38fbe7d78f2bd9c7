"""The official release of MPII, one MATLAB structure, as the JSON that trainings read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from posenas.datasets.mpii import published_boxes
from posenas.datasets.releases.files import annotate, coco_content
from posenas.geometry import bbox_xyxy2xywh
from posenas.skeletons import MPII
from posenas.utils.atomic_io import make_folder, write_json
from posenas.utils.columns import Records
from posenas.utils.errors import DataError
from posenas.utils.files import read_json
from posenas.utils.mat_file import read_mat_structure, write_mat

_NUM_JOINTS = 16
#: Place and flag of a keypoint without annotation.
_MISSING = [-1.0, -1.0]


@dataclass
class MpiiRelease:
    """The people of the release, in its order; pixels are counted from 1.

    Attributes:
        train: Records of :class:`posenas.datasets.MpiiDataset` of the training images: people
            with a centre, a scale and keypoints.
        head_boxes: Corners of their heads (N, 2, 2).
        test: Records of the test images, without keypoints: people with a centre and a scale.
    """

    train: list[dict[str, Any]]
    head_boxes: np.ndarray
    test: list[dict[str, Any]]


def read_mpii_release(path: str | Path, separated_only: bool = False) -> MpiiRelease:
    """Read ``mpii_human_pose_v1_u12_1.mat``.

    Args:
        path: The file.
        separated_only: Whether to take only people that the release lists as sufficiently
            separated from others (``single_person``).

    Raises:
        DataError: The file cannot be read or lacks a part of the documented layout.
    """
    release = read_mat_structure(path, 'RELEASE')
    images = _listed(_field(path, release, 'annolist', 'RELEASE'))
    is_train = _listed(_field(path, release, 'img_train', 'RELEASE'))
    singles = _listed(_field(path, release, 'single_person', 'RELEASE')) if separated_only else []
    for name, column in (('img_train', is_train), *([('single_person', singles)] * separated_only)):
        if len(column) != len(images):
            raise DataError(
                f'{path}: RELEASE.{name} must have one entry for each of the {len(images)} images, '
                f'got {len(column)}'
            )
    result = MpiiRelease([], np.zeros((0, 2, 2)), [])
    boxes, listed = [], 0
    for row, image in enumerate(images):
        listed += len(_listed(getattr(image, 'annorect', None)))
        where = f'RELEASE.annolist({row + 1})'
        chosen = {int(number) for number in _listed(singles[row])} if separated_only else None
        for record, box in _read_image(path, image, where, chosen):
            if not is_train[row]:
                result.test.append({k: record[k] for k in ('image', 'center', 'scale')})
            elif record['joints'] is not None and box is not None:
                result.train.append(record)
                boxes.append(box)
    result.head_boxes = np.array(boxes, np.float64).reshape(-1, 2, 2)
    left_out = listed - len(result.train) - len(result.test)
    if left_out:
        why = 'no centre, scale, keypoints or head box' + ', or not separated' * separated_only
        print_log(f'{path}: left out {left_out} of {listed} people ({why})', 'current')
    return result


def convert_mpii_release(
    path: str | Path,
    folder: str | Path,
    separated_only: bool = False,
    val_file: str | Path | None = None,
) -> dict[str, int]:
    """Write the training people and the test people.

    The training people come as ``mpii_trainval.json`` for :class:`MpiiDataset`, with their head
    boxes in ``mpii_gt_trainval.mat``, and in COCO's layout as ``mpii_trainval_coco.json``; the
    test people, which have no keypoints, as ``mpii_test.json``. The release does not say which
    training people the usual validation split holds: with the JSON published for it there are
    ``train`` and ``val`` instead of ``trainval``.

    Args:
        path: ``mpii_human_pose_v1_u12_1.mat``.
        folder: Where to write, such as ``data/mpii/annotations``.
        separated_only: See :func:`read_mpii_release`.
        val_file: Published list of the validation people, with ``image`` and ``center``.

    Returns:
        Number of people by JSON file.

    Raises:
        DataError: A file has another layout, or a listed person is not in the release.
    """
    release = read_mpii_release(path, separated_only)
    folder, counts = make_folder(folder), {}
    for part, rows in _split_rows(release, val_file).items():
        persons = [release.train[row] for row in rows]
        boxes = release.head_boxes[rows]
        write_json(folder / f'mpii_{part}.json', persons)
        write_json(folder / f'mpii_{part}_coco.json', _coco_content(persons))
        write_mat(folder / f'mpii_gt_{part}.mat', _judged_arrays(persons, boxes))
        counts |= {f'mpii_{part}.json': len(persons), f'mpii_{part}_coco.json': len(persons)}
    write_json(folder / 'mpii_test.json', release.test)
    return counts | {'mpii_test.json': len(release.test)}


def _split_rows(release: MpiiRelease, val_file: str | Path | None) -> dict[str, np.ndarray]:
    """Return the rows of ``release.train`` in each part."""
    if val_file is None:
        return dict(trainval=np.arange(len(release.train)))
    records = Records(str(val_file), '', read_json(str(val_file)))
    centers = records.rows('center', 2).round().astype(int).tolist()
    listed = [
        (name, *center) for name, center in zip(records.strings('image'), centers, strict=True)
    ]
    keys = [(p['image'], *(round(value) for value in p['center'])) for p in release.train]
    known = set(keys)
    for place, key in enumerate(listed):
        if key not in known:
            raise records.error(place, 'center', f'be that of a training person in {key[0]}')
    chosen = set(listed)
    is_val = np.array([key in chosen for key in keys], bool)
    return dict(train=np.flatnonzero(~is_val), val=np.flatnonzero(is_val))


def _judged_arrays(persons: list[dict[str, Any]], boxes: np.ndarray) -> dict[str, np.ndarray]:
    """Return what PCKh is computed from, as the published MATLAB file has it."""
    count = len(persons)
    joints = np.array([p['joints'] for p in persons], np.float64).reshape(count, _NUM_JOINTS, 2)
    flags = np.array([p['joints_vis'] for p in persons], int).reshape(count, _NUM_JOINTS)
    return dict(
        pos_gt_src=joints.transpose(1, 2, 0),
        jnt_missing=(1 - flags.T).astype(np.uint8),
        headboxes_src=boxes.transpose(1, 2, 0),
    )


def _coco_content(persons: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the people in COCO's layout, pixels counted from 0; boxes as MpiiDataset's."""
    numbers: dict[str, int] = {}
    annotations = []
    for number, person in enumerate(persons, start=1):
        image_id = numbers.setdefault(person['image'], len(numbers) + 1)
        center = np.array([person['center']], np.float64)
        box = bbox_xyxy2xywh(published_boxes(center, np.array([person['scale']])))[0]
        joints = np.array(person['joints'], np.float64) - 1
        levels = 2 * np.array(person['joints_vis'], int)
        annotations.append(annotate(number, image_id, joints, levels, box.round(4).tolist()))
    images = [dict(id=number, file_name=name) for name, number in numbers.items()]
    return coco_content(images, annotations, MPII.joint_names, MPII.limbs)


def _read_image(
    path: str | Path, image: object, where: str, chosen: set[int] | None
) -> Iterator[tuple[dict[str, Any], list[list[float]] | None]]:
    """Yield the record of each usable person and its head box; ``chosen`` counts from 1."""
    name = _field(path, _field(path, image, 'image', where), 'name', f'{where}.image')
    for number, person in enumerate(_listed(getattr(image, 'annorect', None)), start=1):
        place = _point(getattr(person, 'objpos', None))
        scale = _number(getattr(person, 'scale', None))
        if place is None or scale is None or (chosen is not None and number not in chosen):
            continue
        joints, flags = _read_joints(path, person, f'{where}.annorect({number})')
        sides = [_number(getattr(person, side, None)) for side in ('x1', 'y1', 'x2', 'y2')]
        box = None if None in sides else [sides[:2], sides[2:]]
        record = dict(image=str(name), center=place, scale=scale, joints=joints, joints_vis=flags)
        yield record, box


def _read_joints(
    path: str | Path, person: object, where: str
) -> tuple[list[list[float]] | None, list[int]]:
    """Return the keypoints by their id and which of them are annotated; None without any."""
    points = getattr(getattr(person, 'annopoints', None), 'point', None)
    joints = [list(_MISSING) for _ in range(_NUM_JOINTS)]
    flags = [0] * _NUM_JOINTS
    for point in _listed(points):
        joint, place = _number(getattr(point, 'id', None)), _point(point)
        if joint is None or place is None or joint not in range(_NUM_JOINTS):
            raise DataError(
                f'{path}: {where}.annopoints.point must have x, y and an id from 0 to '
                f'{_NUM_JOINTS - 1}, got id {joint} at {place}'
            )
        joints[int(joint)], flags[int(joint)] = place, 1
    return (joints if any(flags) else None), flags


def _field(path: str | Path, parent: object, name: str, where: str) -> object:
    value = getattr(parent, name, None)
    if value is None:
        raise DataError(f'{path}: {where} must have the field {name}, got none')
    return value


def _listed(value: object) -> list[Any]:
    """Return the elements of a structure array; MATLAB has no difference between one and many."""
    if value is None:
        return []
    return list(value.ravel()) if isinstance(value, np.ndarray) else [value]


def _number(value: object) -> float | None:
    """Return a finite number; None for anything else, such as an empty array."""
    if not isinstance(value, int | float | np.number) or not np.isfinite(value):
        return None
    return float(value)


def _point(value: object) -> list[float] | None:
    place = [_number(getattr(value, axis, None)) for axis in ('x', 'y')]
    return None if None in place else place
