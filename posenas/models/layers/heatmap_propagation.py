"""Heatmaps of one crop, seen from another one of the same scene."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from numpy.typing import ArrayLike
from torch import Tensor

from posenas.geometry import invert_affine
from posenas.utils import check_shape


def heatmap_matrix(warp_mat: ArrayLike, stride: Sequence[float]) -> np.ndarray:
    """Return the matrix (2, 3) from image pixels to heatmap pixels.

    Args:
        warp_mat: From image to crop, (2, 3).
        stride: Crop pixels per heatmap pixel along x and y, as codecs have it.
    """
    matrix = np.asarray(warp_mat, dtype=np.float64)
    check_shape('warp_mat', matrix, (2, 3))
    return matrix / np.asarray(stride, dtype=np.float64)[:, None]


def propagate_heatmaps(
    heatmaps: Tensor, sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> Tensor:
    """Move heatmaps from the crops they were found in to other crops.

    A heatmap pixel of the new crop takes the value at its place in the old one, bilinear between
    pixels, 0 outside. Shifts by whole heatmap pixels copy values; equal crops leave all as it is.

    Args:
        heatmaps: Of B crops, (B, K, H, W).
        sources: Matrices (2, 3) from image to heatmap pixels of the crops they belong to, B.
        targets: Likewise of the crops they are wanted in.

    Returns:
        Heatmaps of the same shape, on the same device.
    """
    moved = [
        i for i, (a, b) in enumerate(zip(sources, targets, strict=True)) if not np.array_equal(a, b)
    ]
    if not moved:
        return heatmaps
    height, width = heatmaps.shape[-2:]
    grid = np.stack([_places(sources[i], targets[i], width, height) for i in moved])
    # in double precision: whole pixels would be missed by more than 1e-6 otherwise
    chosen = heatmaps[moved].double()
    places = torch.from_numpy(grid).to(chosen.device)
    found = F.grid_sample(chosen, places, align_corners=True).to(heatmaps.dtype)
    result = heatmaps.clone()
    result[moved] = found
    return result


def _places(source: np.ndarray, target: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return where each target pixel lies in the source, (H, W, 2), -1 and 1 at the outer pixels.

    Places are rounded to a millionth of a pixel, so that whole pixels stay whole.
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    inverse = invert_affine(target)
    points = np.stack([x, y], axis=-1) @ inverse[:, :2].T + inverse[:, 2]  # (H, W, 2)
    points = np.round(points @ source[:, :2].T + source[:, 2], 6)
    return 2 * points / np.maximum([width - 1, height - 1], 1) - 1
