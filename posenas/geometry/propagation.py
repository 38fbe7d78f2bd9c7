"""Heatmaps of one crop, seen from another one of the same scene."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.geometry.affine import invert_affine
from posenas.utils.checks import check_shape


def heatmap_matrix(warp_mat: ArrayLike, stride: Sequence[float]) -> NDArray[np.float64]:
    """Return the matrix (2, 3) from image pixels to heatmap pixels.

    Args:
        warp_mat: From image to crop, (2, 3).
        stride: Crop pixels per heatmap pixel along x and y, as codecs have it.
    """
    matrix = np.asarray(warp_mat, dtype=np.float64)
    check_shape('warp_mat', matrix, (2, 3))
    return matrix / np.asarray(stride, dtype=np.float64)[:, None]


def find_source_pixels(
    source: NDArray[np.float64], target: NDArray[np.float64], width: int, height: int
) -> NDArray[np.float64]:
    """Return where each heatmap pixel of one crop lies in the heatmap of another, (H, W, 2), x y.

    Places are rounded to a millionth of a pixel, so that whole pixels stay whole.

    Args:
        source: Matrix (2, 3) from image to heatmap pixels of the crop that is read.
        target: Likewise of the crop that is wanted.
        width: Of both heatmaps, pixels.
        height: Likewise.
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    inverse = invert_affine(target)
    points = np.stack([x, y], axis=-1) @ inverse[:, :2].T + inverse[:, 2]
    return np.round(points @ source[:, :2].T + source[:, 2], 6)


def move_heatmaps(
    heatmaps: NDArray[np.float32],
    sources: Sequence[NDArray[np.float64]],
    targets: Sequence[NDArray[np.float64]],
) -> NDArray[np.float32]:
    """Move heatmaps from the crops they were found in to other crops.

    A heatmap pixel of the new crop takes the value at its place in the old one, bilinear between
    pixels, 0 outside. Shifts by whole heatmap pixels copy values; equal crops leave all as it is.

    Args:
        heatmaps: Of B crops, (B, K, H, W).
        sources: Matrices (2, 3) from image to heatmap pixels of the crops they belong to, B.
        targets: Likewise of the crops they are wanted in.

    Returns:
        Heatmaps of the same shape.
    """
    moved = heatmaps.copy()
    for i, (source, target) in enumerate(zip(sources, targets, strict=True)):
        if not np.array_equal(source, target):
            moved[i] = _sample(heatmaps[i], source, target)
    return moved


def _sample(
    maps: NDArray[np.float32], source: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Read maps (K, H, W) at the places of another crop, in double precision."""
    height, width = maps.shape[-2:]
    places = find_source_pixels(source, target, width, height)
    whole = np.floor(places)
    x_part, y_part = np.moveaxis(places - whole, -1, 0)
    framed = np.pad(maps.astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    # beyond the frame of zeros all is as on it
    left, top = np.moveaxis(np.clip(whole, -1, [width, height]).astype(int) + 1, -1, 0)
    right, below = np.minimum(left + 1, width + 1), np.minimum(top + 1, height + 1)
    right, below = np.where(whole[..., 0] < -1, 0, right), np.where(whole[..., 1] < -1, 0, below)
    upper = framed[:, top, left] * (1 - x_part) + framed[:, top, right] * x_part
    lower = framed[:, below, left] * (1 - x_part) + framed[:, below, right] * x_part
    found: NDArray[np.float64] = upper * (1 - y_part) + lower * y_part
    return found
