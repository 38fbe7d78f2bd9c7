"""The official releases of Leeds Sports Pose and its extension as COCO keypoint files."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from posenas.datasets.releases.files import annotate, box_around, coco_content, read_image_size
from posenas.skeletons import LSP
from posenas.utils.atomic_io import make_folder, write_json
from posenas.utils.errors import DataError
from posenas.utils.mat_file import read_mat

Progress = Callable[[Iterable[Any]], Iterable[Any]]


def convert_lsp_release(
    source: str | Path, folder: str | Path, progress: Progress = iter
) -> dict[str, int]:
    """Write ``lsp_train.json`` and ``lsp_test.json``: the first and the second half.

    All keypoints of LSP are labelled; the third row of ``joints`` (3, 14, N) marks the occluded
    ones. Coordinates are taken as they are.

    Args:
        source: Folder of ``joints.mat`` and ``images/im0001.jpg`` and so on.
        folder: Where to write; file names are relative to ``images``.
        progress: Wraps the people to show where the conversion is.

    Returns:
        Number of people by file.

    Raises:
        DataError: A file is missing or has another layout.
    """
    joints = _read_joints(source, (3, 14, None)).transpose(2, 1, 0)
    persons = _list_persons(source, joints, np.where(joints[..., 2] > 0, 1, 2), 4, progress)
    half = len(joints) // 2
    return _write(folder, dict(lsp_train=persons[:half], lsp_test=persons[half:]))


def convert_lspet_release(
    source: str | Path, folder: str | Path, progress: Progress = iter
) -> dict[str, int]:
    """Write ``lspet_train.json``; the release has no other part.

    The third column of ``joints`` (14, 3, N) marks the labelled keypoints; what the others have
    means nothing, and people without a labelled keypoint are left out. Arguments, result and errors
    are those of :func:`convert_lsp_release`, but images are called ``im00001.jpg`` and so on.
    """
    joints = _read_joints(source, (14, 3, None)).transpose(2, 0, 1)
    persons = _list_persons(source, joints, np.where(joints[..., 2] > 0, 2, 0), 5, progress)
    return _write(folder, dict(lspet_train=persons))


def _read_joints(source: str | Path, shape: tuple[int, int, None]) -> np.ndarray:
    path = Path(source, 'joints.mat')
    joints = read_mat(path, ['joints'])['joints']
    if joints.ndim != 3 or joints.shape[:2] != shape[:2]:
        raise DataError(
            f'{path}: keypoints must have shape {shape[:2]} and the number of people, got '
            f'{joints.shape}: lsp and lspet store them differently'
        )
    return joints.astype(np.float64)


def _list_persons(
    source: str | Path, joints: np.ndarray, levels: np.ndarray, digits: int, progress: Progress
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return image and annotation of each person with a labelled keypoint.

    Args:
        source: Folder of the release.
        joints: (N, 14, 3).
        levels: (N, 14) as COCO's v.
        digits: Of the numbers in the names of images.
        progress: Wraps the people.
    """
    persons = []
    without = int((~(levels > 0).any(axis=1)).sum())
    if without:
        print_log(f'left out {without} people without a labelled keypoint', 'current')
    for row in progress(range(len(joints))):
        labelled = levels[row] > 0
        if not labelled.any():
            continue
        name = f'im{row + 1:0{digits}}.jpg'
        width, height = size = read_image_size(Path(source, 'images', name))
        image = dict(id=row + 1, file_name=name, width=width, height=height)
        box = box_around(joints[row, labelled, :2], size)
        persons.append((image, annotate(row + 1, row + 1, joints[row, :, :2], levels[row], box)))
    return persons


def _write(
    folder: str | Path, parts: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]]
) -> dict[str, int]:
    folder, counts = make_folder(folder), {}
    for name, persons in parts.items():
        images, annotations = [image for image, _ in persons], [person for _, person in persons]
        content = coco_content(images, annotations, LSP.joint_names, LSP.limbs)
        write_json(folder / f'{name}.json', content)
        counts[f'{name}.json'] = len(persons)
    return counts
