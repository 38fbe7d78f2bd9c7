"""Channels of several groups, taken in turn, and the units of ShuffleNet V2 around that."""

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from posenas.models.layers.checkpointing import checkpoint_module

_RELU = dict(type='ReLU')


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


def make_depthwise(channels: int, stride: int, cfg: dict) -> ConvModule:
    """Make a depthwise 3x3 convolution and its norm."""
    return ConvModule(
        channels, channels, 3, stride, padding=1, groups=channels, act_cfg=None, **cfg
    )


def make_pointwise(inputs: int, outputs: int, cfg: dict, act_cfg: dict = _RELU) -> ConvModule:
    """Make a 1x1 convolution, its norm and activation."""
    return ConvModule(inputs, outputs, 1, act_cfg=dict(act_cfg), **cfg)


class ShuffleUnit(nn.Module):
    """Filter half of the channels by a 1x1, a depthwise 3x3 and a 1x1 convolution, then alternate.

    Ma et al., ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, ECCV 2018,
    figure 3 (c).

    Args:
        channels: Even channels C.
        cfg: ``conv_cfg`` and ``norm_cfg``.
        with_cp: Whether to recompute filters in the backward pass to save memory.
        act_cfg: Activation; None is ``ReLU``.
    """

    def __init__(
        self, channels: int, cfg: dict, with_cp: bool = False, act_cfg: dict | None = None
    ) -> None:
        super().__init__()
        half, act_cfg = channels // 2, act_cfg or _RELU
        self.branch2 = nn.Sequential(
            make_pointwise(half, half, cfg, act_cfg),
            make_depthwise(half, 1, cfg),
            make_pointwise(half, half, cfg, act_cfg),
        )
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        same, other = x.chunk(2, dim=1)
        branch = self.branch2
        other = checkpoint_module(branch, branch, other) if self.with_cp else branch(other)
        return shuffle_channels(torch.cat([same, other], dim=1), 2)
