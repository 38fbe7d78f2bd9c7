"""Blocks of CSPNeXt: cross stages of large depthwise kernels, weighted channels, pyramid pooling.

Lyu et al., RTMDet: An Empirical Study of Designing Real-Time Object Detectors, arXiv 2212.07784,
section 3.1. Attributes that hold parameters keep the release's names.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from torch import Tensor, nn


def make_unit(
    inputs: int,
    outputs: int,
    kernel: int,
    cfg: Mapping,
    *,
    stride: int = 1,
    separable: bool = False,
) -> nn.Module:
    """Make a convolution, its norm and activation; ``separable`` splits it in two of these.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel: Odd side of the kernel.
        cfg: ``conv_cfg``, ``norm_cfg`` and ``act_cfg``.
        stride: Stride.
        separable: Whether a depthwise and a 1x1 convolution take its place.
    """
    unit = DepthwiseSeparableConvModule if separable else ConvModule
    return unit(inputs, outputs, kernel, stride=stride, padding=kernel // 2, **cfg)


class CSPNeXtBlock(nn.Module):
    """Filter by a 3x3 and a separable 5x5 convolution; keeps the shape.

    Args:
        channels: Channels C.
        add_identity: Whether the input is added, without activation afterwards.
        use_depthwise: Whether the 3x3 convolution is separable too.
        cfg: See :func:`make_unit`.
    """

    def __init__(
        self, channels: int, add_identity: bool, use_depthwise: bool, cfg: Mapping
    ) -> None:
        super().__init__()
        self.conv1 = make_unit(channels, channels, 3, cfg, separable=use_depthwise)
        self.conv2 = make_unit(channels, channels, 5, cfg, separable=True)
        self.add_identity = add_identity

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        out = self.conv2(self.conv1(x))
        return out + x if self.add_identity else out


class ChannelAttention(nn.Module):
    """Weigh channels by a linear layer on their means.

    Args:
        channels: Channels C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x * F.hardsigmoid(self.fc(F.adaptive_avg_pool2d(x, 1)))


class CSPLayer(nn.Module):
    """Half of the channels through blocks, half around them, then joined.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels O of the output.
        num_blocks: Blocks.
        expand_ratio: Channels of each half, divided by ``out_channels``.
        add_identity: See :class:`CSPNeXtBlock`.
        use_depthwise: See :class:`CSPNeXtBlock`.
        channel_attention: Whether the joined channels are weighted.
        cfg: See :func:`make_unit`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_blocks: int,
        expand_ratio: float,
        add_identity: bool,
        use_depthwise: bool,
        channel_attention: bool,
        cfg: Mapping,
    ) -> None:
        super().__init__()
        width = int(out_channels * expand_ratio)
        self.main_conv = make_unit(in_channels, width, 1, cfg)
        self.short_conv = make_unit(in_channels, width, 1, cfg)
        self.final_conv = make_unit(2 * width, out_channels, 1, cfg)
        self.blocks = nn.Sequential(
            *(CSPNeXtBlock(width, add_identity, use_depthwise, cfg) for _ in range(num_blocks))
        )
        self.attention = ChannelAttention(2 * width) if channel_attention else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, O, H, W)."""
        joined = torch.cat([self.blocks(self.main_conv(x)), self.short_conv(x)], dim=1)
        return self.final_conv(joined if self.attention is None else self.attention(joined))


class SPPBottleneck(nn.Module):
    """Spatial pyramid pooling: a map beside its maxima over windows of several sizes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels O of the output.
        kernel_sizes: Odd sides of the windows.
        cfg: See :func:`make_unit`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_sizes: Sequence[int], cfg: Mapping
    ) -> None:
        super().__init__()
        width = in_channels // 2
        self.conv1 = make_unit(in_channels, width, 1, cfg)
        self.poolings = nn.ModuleList(
            nn.MaxPool2d(side, stride=1, padding=side // 2) for side in kernel_sizes
        )
        self.conv2 = make_unit(width * (1 + len(kernel_sizes)), out_channels, 1, cfg)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, O, H, W)."""
        x = self.conv1(x)
        return self.conv2(torch.cat([x, *(pool(x) for pool in self.poolings)], dim=1))
