"""Operations of PoseNAS cells beyond the published ones: more accuracy per multiplication.

Of the form that :mod:`posenas.models.layers.posenas.operations` describes. Depthwise-separable
after Howard et al., MobileNets, 2017, grouped with a shuffle after Zhang et al., ShuffleNet, CVPR
2018.
"""

from math import gcd

from torch import Tensor, nn

from posenas.models.layers.posenas.operations import make_norm
from posenas.registry import POSENAS_OPERATIONS

#: Groups of grouped convolutions.
_MOST_GROUPS = 4


class DepthwiseSeparable(nn.Module):
    """ReLU, depthwise convolution, 1x1 convolution, norm.

    Args:
        channels: Channels C.
        kernel_size: Odd side of the depthwise kernel.
        stride: Stride of the depthwise convolution.
        norm_cfg: Norm; None is a batch norm.
    """

    def __init__(
        self, channels: int, kernel_size: int, stride: int = 1, norm_cfg: dict | None = None
    ) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(
                channels,
                channels,
                kernel_size,
                stride=stride,
                padding=kernel_size // 2,
                groups=channels,
                bias=False,
            ),
            nn.Conv2d(channels, channels, 1, bias=False),
            make_norm(norm_cfg, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H / stride, W / stride)."""
        return self.net(x)


class GroupedConv(nn.Module):
    """ReLU, grouped 3x3 convolution, channels exchanged between the groups, norm.

    Args:
        channels: Channels C.
        stride: Stride of the convolution.
        norm_cfg: Norm; None is a batch norm.
    """

    def __init__(self, channels: int, stride: int = 1, norm_cfg: dict | None = None) -> None:
        super().__init__()
        groups = gcd(channels, _MOST_GROUPS)  # narrow cells have fewer
        self.net = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, stride=stride, padding=1, groups=groups, bias=False),
            nn.ChannelShuffle(groups),
            make_norm(norm_cfg, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H / stride, W / stride)."""
        return self.net(x)


@POSENAS_OPERATIONS.register_module(name='dw_conv_3x3')
def make_dw_conv_3x3(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, depthwise 3x3 and 1x1 convolution, norm."""
    return DepthwiseSeparable(channels, 3, stride, norm_cfg)


@POSENAS_OPERATIONS.register_module(name='dw_conv_5x5')
def make_dw_conv_5x5(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, depthwise 5x5 and 1x1 convolution, norm."""
    return DepthwiseSeparable(channels, 5, stride, norm_cfg)


@POSENAS_OPERATIONS.register_module(name='dw_conv_7x7')
def make_dw_conv_7x7(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, depthwise 7x7 and 1x1 convolution, norm."""
    return DepthwiseSeparable(channels, 7, stride, norm_cfg)


@POSENAS_OPERATIONS.register_module(name='grp_conv_3x3')
def make_grp_conv_3x3(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, grouped 3x3 convolution, shuffle of channels, norm."""
    return GroupedConv(channels, stride, norm_cfg)
