"""Undo the mirroring of the network's second pass in the flip test, for NumPy and for PyTorch."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from posenas.utils import check_choice

#: An array of NumPy or a tensor; the result is of the same kind.
Maps = TypeVar('Maps')


def flip_heatmaps(
    heatmaps: Maps,
    flip_indices: Sequence[int] | None = None,
    flip_mode: str = 'heatmap',
    shift_heatmap: bool = False,
) -> Maps:
    """Mirror the heatmaps of a mirrored image back, left and right keypoints exchanged.

    Args:
        heatmaps: (B, C, H, W); C is K, or 3 * K in mode 'udp_combined'.
        flip_indices: For each of the K keypoints the index of its mirror image; None: no exchange.
        flip_mode: 'heatmap', or 'udp_combined' for heatmaps [class, x offset, y offset] of each
            keypoint, whose x offsets change their sign.
        shift_heatmap: Whether the heatmaps move one pixel to the right afterwards, column 0 kept: a
            heatmap drawn around the nearest pixel lies one pixel off after mirroring.

    Returns:
        New heatmaps of the same shape.

    Raises:
        ValueError: The mode is unknown, or the indices do not fit the number of channels.
    """
    check_choice('flip_mode', flip_mode, ('heatmap', 'udp_combined'))
    maps = cast(Any, heatmaps)
    batch, num_channels, height, width = maps.shape
    channels = 3 if flip_mode == 'udp_combined' else 1
    num_keypoints = num_channels // channels
    if num_channels % channels or (flip_indices and len(flip_indices) != num_keypoints):
        raise ValueError(
            f'heatmaps must have {channels} channel(s) per entry of flip_indices, got '
            f'{num_channels} channels for {flip_indices and len(flip_indices)} entries'
        )
    columns = list(range(width))[::-1]
    if shift_heatmap:
        columns = [*columns[:1], *columns[:-1]]
    groups = maps.reshape(batch, num_keypoints, channels, height, width)[..., columns]
    if flip_indices is not None:
        groups = groups[:, list(flip_indices)]
    if flip_mode == 'udp_combined':
        groups[:, :, 1] *= -1
    return cast(Maps, groups.reshape(maps.shape))
