"""Heatmaps of one crop, seen from another one, as tensors that gradients flow through."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from torch import Tensor

from posenas.geometry import find_source_pixels


def propagate_heatmaps(
    heatmaps: Tensor, sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]
) -> Tensor:
    """Move heatmaps from the crops they were found in to other crops.

    The same as :func:`posenas.geometry.move_heatmaps`.

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
    last = np.maximum([width - 1, height - 1], 1)
    grid = [2 * find_source_pixels(sources[i], targets[i], width, height) / last - 1 for i in moved]
    # in double precision: whole pixels would be missed by more than 1e-6 otherwise
    chosen = heatmaps[moved].double()
    places = torch.from_numpy(np.stack(grid)).to(chosen.device)
    found = F.grid_sample(chosen, places, align_corners=True).to(heatmaps.dtype)
    result = heatmaps.clone()
    result[moved] = found
    return result
