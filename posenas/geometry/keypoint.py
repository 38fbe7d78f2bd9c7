"""Mirroring of points and boxes, and points of one skeleton as points of another."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
JointMapping = Sequence[tuple[int | tuple[int, int], int]]


def flip_keypoints(
    keypoints: Floats, width: int, flip_indices: Sequence[int] | NDArray[np.integer]
) -> Floats:
    """Mirror keypoints with their image and exchange left and right keypoints.

    Args:
        keypoints: Points (..., K, 2), pixels.
        width: Width of the image, pixels.
        flip_indices: For each keypoint the one it becomes (K,).

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


def convert_keypoints(
    keypoints: Floats, visible: Floats, num_keypoints: int, mapping: JointMapping
) -> tuple[Floats, Floats]:
    """Rearrange keypoints into another skeleton.

    Args:
        keypoints: Points (..., K, 2).
        visible: Visibilities or confidences (..., K).
        num_keypoints: Number of keypoints afterwards.
        mapping: Pairs (source, target) of keypoint indices; a pair of sources gives their middle,
            with the lower visibility.

    Returns:
        Points (..., num_keypoints, 2) and visibilities (..., num_keypoints), 0 without a source.

    Raises:
        ValueError: There is no keypoint with the index of a source or target.
    """
    pairs = [(s, s) if isinstance(s, int) else (s[0], s[1]) for s, _ in mapping]
    targets = [target for _, target in mapping]
    _check_indices('sources', [joint for pair in pairs for joint in pair], keypoints.shape[-2])
    _check_indices('targets', targets, num_keypoints)
    converted = np.zeros((*keypoints.shape[:-2], num_keypoints, 2), keypoints.dtype)
    levels = np.zeros((*visible.shape[:-1], num_keypoints), visible.dtype)
    if pairs:
        converted[..., targets, :] = keypoints[..., pairs, :].mean(axis=-2)
        levels[..., targets] = visible[..., pairs].min(axis=-1)
    return converted, levels


def _check_indices(name: str, indices: Sequence[int], num_joints: int) -> None:
    if indices and not 0 <= min(indices) <= max(indices) < num_joints:
        raise ValueError(f'{name} of mapping must lie in [0, {num_joints}), got {list(indices)}')
