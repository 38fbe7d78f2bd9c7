"""Channels of several groups, taken in turn."""

from torch import Tensor


def shuffle_channels(x: Tensor, groups: int) -> Tensor:
    """Let channels of ``groups`` equal parts alternate, so that the next groups see all of them.

    Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile
    Devices, CVPR 2018, section 3.1.

    Args:
        x: Maps (B, C, H, W).
        groups: Number that divides C.

    Returns:
        Maps (B, C, H, W).
    """
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)
