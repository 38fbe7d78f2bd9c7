"""Mirroring of points and boxes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ['flip_bbox', 'flip_keypoints']

Floats = NDArray[np.floating]


def flip_keypoints(
    keypoints: Floats, width: int, flip_indices: Sequence[int] | NDArray[np.integer]
) -> Floats:
    """Mirror keypoints with their image and exchange left and right joints.

    Args:
        keypoints: Points (..., K, 2), pixels.
        width: Width of the image, pixels.
        flip_indices: For each joint the one it becomes (K,).

    Returns:
        Mirrored points (..., K, 2); x becomes ``width - 1 - x``.
    """
    flipped = keypoints[..., flip_indices, :]
    flipped[..., 0] = width - 1 - flipped[..., 0]
    return flipped


def flip_bbox(bbox: Floats, width: int) -> Floats:
    """Mirror boxes (..., 4) given by their corners in an image ``width`` pixels wide."""
    flipped = bbox.copy()
    flipped[..., 0] = width - 1 - bbox[..., 2]
    flipped[..., 2] = width - 1 - bbox[..., 0]
    return flipped
