"""Undo the mirroring of the network's second pass in the flip test."""

from collections.abc import Sequence

import torch
from torch import Tensor

from posenas.utils import check_choice


def flip_heatmaps(
    heatmaps: Tensor,
    flip_indices: Sequence[int] | None = None,
    flip_mode: str = 'heatmap',
    shift_heatmap: bool = False,
) -> Tensor:
    """Mirror the maps of a mirrored image back, left and right keypoints exchanged.

    Args:
        heatmaps: (B, C, H, W); C is K, or 3 * K in mode 'udp_combined'.
        flip_indices: For each of the K keypoints the index of its mirror image; None: no exchange.
        flip_mode: 'heatmap', or 'udp_combined' for maps [class, x offset, y offset] of each
            keypoint, whose x offsets change their sign.
        shift_heatmap: Whether the maps move one cell to the right afterwards, column 0 kept: a
            map drawn around the nearest cell lies one cell off after mirroring.

    Returns:
        New maps of the same shape.

    Raises:
        ValueError: The mode is unknown, or the indices do not fit the number of channels.
    """
    check_choice('flip_mode', flip_mode, ('heatmap', 'udp_combined'))
    channels = 3 if flip_mode == 'udp_combined' else 1
    num_keypoints = heatmaps.shape[1] // channels
    if heatmaps.shape[1] % channels or (flip_indices and len(flip_indices) != num_keypoints):
        raise ValueError(
            f'heatmaps must have {channels} channel(s) per entry of flip_indices, got '
            f'{heatmaps.shape[1]} channels for {flip_indices and len(flip_indices)} entries'
        )
    groups = heatmaps.unflatten(1, (num_keypoints, channels)).flip(-1)  # (B, K, c, H, W)
    if flip_indices is not None:
        groups = groups[:, list(flip_indices)]
    if flip_mode == 'udp_combined':
        signs = groups.new_tensor([1, -1, 1]).view(3, 1, 1)
        groups = groups * signs
    flipped = groups.flatten(1, 2)
    if shift_heatmap:
        flipped = torch.cat([flipped[..., :1], flipped[..., :-1]], dim=-1)
    return flipped
