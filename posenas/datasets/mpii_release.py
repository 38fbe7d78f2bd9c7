"""The official release of MPII, one MATLAB structure, as the JSON that trainings read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posenas.utils.atomic_io import make_folder, write_json
from posenas.utils.errors import DataError
from posenas.utils.mat_file import read_mat_structure, write_mat

__all__ = ['MpiiRelease', 'convert_mpii_release', 'read_mpii_release']

_NUM_JOINTS = 16
#: Place and flag of a joint without annotation.
_MISSING = [-1.0, -1.0]


@dataclass
class MpiiRelease:
    """The persons of the release, in its order; pixels are counted from 1.

    Attributes:
        train: Records of :class:`posenas.datasets.MpiiDataset` of the training images: persons
            with a centre, a scale and joints.
        head_boxes: Corners of their heads (N, 2, 2).
        test: Records of the test images, without joints: persons with a centre and a scale.
    """

    train: list[dict[str, Any]]
    head_boxes: np.ndarray
    test: list[dict[str, Any]]


def read_mpii_release(path: str | Path, separated_only: bool = False) -> MpiiRelease:
    """Read ``mpii_human_pose_v1_u12_1.mat``.

    Args:
        path: The file.
        separated_only: Whether to take only persons that the release lists as sufficiently
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
    boxes = []
    for row, image in enumerate(images):
        where = f'RELEASE.annolist({row + 1})'
        chosen = {int(number) for number in _listed(singles[row])} if separated_only else None
        for record, box in _read_image(path, image, where, chosen):
            if not is_train[row]:
                result.test.append({k: record[k] for k in ('image', 'center', 'scale')})
            elif record['joints'] is not None and box is not None:
                result.train.append(record)
                boxes.append(box)
    result.head_boxes = np.array(boxes, np.float64).reshape(-1, 2, 2)
    return result


def convert_mpii_release(path: str | Path, folder: str | Path, separated_only: bool = False) -> int:
    """Write ``mpii_trainval.json``, ``mpii_gt_trainval.mat`` and ``mpii_test.json``.

    The release does not say which training persons the usual validation split holds; for that
    split use the files published with it.

    Args:
        path: ``mpii_human_pose_v1_u12_1.mat``.
        folder: Where to write, such as ``data/mpii/annotations``.
        separated_only: See :func:`read_mpii_release`.

    Returns:
        Number of training persons.
    """
    release = read_mpii_release(path, separated_only)
    folder = make_folder(folder)
    write_json(folder / 'mpii_trainval.json', release.train)
    write_json(folder / 'mpii_test.json', release.test)
    count = len(release.train)
    joints = np.array([p['joints'] for p in release.train]).reshape(count, _NUM_JOINTS, 2)
    flags = np.array([p['joints_vis'] for p in release.train]).reshape(count, _NUM_JOINTS)
    arrays = dict(
        pos_gt_src=joints.transpose(1, 2, 0),
        jnt_missing=(1 - flags.T).astype(np.uint8),
        headboxes_src=release.head_boxes.transpose(1, 2, 0),
    )
    write_mat(folder / 'mpii_gt_trainval.mat', arrays)
    return count


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
    """Return the joints by their id and which of them are annotated; None without any."""
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
        raise DataError(f'{path}: {where} must have the field {name}, it has none')
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
