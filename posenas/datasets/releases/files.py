"""What the conversions of official releases into COCO's layout share."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posenas.datasets.orientation import read_stored_size, shown_size
from posenas.utils.errors import DataError

#: Share of a person's box that its mask fills, about.
_MASK_SHARE = 0.53
#: Margin around the keypoints on each side, relative to their longer extent.
_MARGIN = 0.1


def read_image_size(path: str | Path) -> tuple[int, int]:
    """Return width and height of an image as it is decoded, reading its head only.

    Raises:
        DataError: It is missing or no image.
    """
    try:
        return shown_size(*read_stored_size(str(path)))
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f'{path}: an image must be readable: {error}') from error


def box_around(joints: np.ndarray, size: tuple[int, int]) -> list[float]:
    """Return left, top, width, height of a box around keypoints (n, 2), cut to an image's size."""
    low, high = joints.min(axis=0), joints.max(axis=0)
    margin = _MARGIN * (high - low).max()
    limits = np.array(size, np.float64)
    low, high = np.clip(low - margin, 0, limits), np.clip(high + margin, 0, limits)
    return [round(float(value), 2) for value in (*low, *(high - low))]


def annotate(
    number: int, image_id: int, joints: np.ndarray, levels: np.ndarray, bbox: Sequence[float]
) -> dict[str, Any]:
    """Return a person as COCO's files have it.

    Args:
        number: Its id.
        image_id: That of its image.
        joints: (K, 2) pixels counted from 0; what unlabelled keypoints have is ignored.
        levels: (K,) 0 unlabelled, 1 occluded, 2 visible.
        bbox: Left, top, width, height, pixels.
    """
    places = np.where(levels[:, None] > 0, joints, 0).round(4)
    flat = [
        value
        for (x, y), level in zip(places.tolist(), levels.tolist(), strict=True)
        for value in (x, y, int(level))
    ]
    return dict(
        id=number,
        image_id=image_id,
        category_id=1,
        iscrowd=0,
        bbox=[float(value) for value in bbox],
        area=round(_MASK_SHARE * math.prod(bbox[2:]), 2),
        num_keypoints=int((levels > 0).sum()),
        keypoints=flat,
    )


def coco_content(
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
    joint_names: Sequence[str],
    limbs: Sequence[tuple[int, int]],
) -> dict[str, Any]:
    """Return the content of a COCO keypoint file of people; limbs count keypoints from 0."""
    category = dict(
        id=1,
        name='person',
        supercategory='person',
        keypoints=list(joint_names),
        skeleton=[[first + 1, second + 1] for first, second in limbs],
    )
    return dict(images=list(images), annotations=list(annotations), categories=[category])
