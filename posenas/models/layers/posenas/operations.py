"""Operations of PoseNAS cells, by their published names.

Bao et al., Pose-native Network Architecture Search for Multi-person Human Pose Estimation, ACM MM
2020. Each is a function ``operation(channels, stride, norm_cfg, se_ratio)`` that makes a module
from (B, C, H, W) to (B, C, H / stride, W / stride); ``none``, ``skip_connect`` and the attention
operations have no norm, and only ``se_connect`` reads ``se_ratio``. Module attributes keep the
published names.
"""

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from posenas.registry import POSENAS_OPERATIONS
from posenas.utils import ConfigError


def make_norm(norm_cfg: dict | None, channels: int) -> nn.Module:
    """Build a norm of ``channels`` channels; None is a batch norm."""
    return build_norm_layer(norm_cfg or dict(type='BN'), channels)[1]


def make_relu_conv_bn(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 1,
    stride: int = 1,
    dilation: int = 1,
    norm_cfg: dict | None = None,
) -> nn.Sequential:
    """Chain ReLU, a convolution that keeps H / stride and W / stride, and a norm."""
    padding = dilation * (kernel_size // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            bias=False,
        ),
        make_norm(norm_cfg, out_channels),
    )


class ReLUConvBN(nn.Module):
    """ReLU, convolution, norm.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd side of the kernel.
        stride: Stride of the convolution.
        dilation: Dilation of the convolution.
        norm_cfg: Norm; None is a batch norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        stride: int = 1,
        dilation: int = 1,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        self.net = make_relu_conv_bn(
            in_channels, out_channels, kernel_size, stride, dilation, norm_cfg
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        return self.net(x)


class FactorizedReduce(nn.Module):
    """Halve the size without losing pixels: half the channels look at odd rows and columns.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output, even.
        norm_cfg: Norm; None is a batch norm.
    """

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: dict | None = None) -> None:
        super().__init__()
        if out_channels % 2:
            raise ConfigError(f'out_channels must be even to be halved, got {out_channels}')
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, out_channels // 2, 1, stride=2, bias=False)
        self.conv2 = nn.Conv2d(in_channels, out_channels // 2, 1, stride=2, bias=False)
        self.bn = make_norm(norm_cfg, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W), both sides even, to (B, out_channels, H / 2, W / 2)."""
        x = self.relu(x)
        return self.bn(torch.cat([self.conv1(x), self.conv2(x[:, :, 1:, 1:])], dim=1))


class NormedPool(nn.Module):
    """A pooling and a norm.

    Args:
        pool: Pooling from (B, C, H, W) to (B, C, H / stride, W / stride).
        channels: Channels C.
        norm_cfg: Norm; None is a batch norm.
    """

    def __init__(self, pool: nn.Module, channels: int, norm_cfg: dict | None = None) -> None:
        super().__init__()
        self.pool = pool
        self.bn = make_norm(norm_cfg, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H / stride, W / stride)."""
        return self.bn(self.pool(x))


class SEConnect(nn.Module):
    """Scale every channel by a gate computed from the means of all channels.

    Args:
        channels: Channels C of the map.
        ratio: C divided by the width between the two layers; None squeezes nothing.
    """

    def __init__(self, channels: int, ratio: int | None = None) -> None:
        super().__init__()
        width = channels // (ratio or 1)
        if width < 1:
            raise ConfigError(f'se_ratio must be at most channels = {channels}, got {ratio}')
        self.fc1 = nn.Conv2d(channels, width, 1)
        self.fc2 = nn.Conv2d(width, channels, 1)

    def gate(self, mean: Tensor) -> Tensor:
        """Return factors (B, C, 1, 1) in (0, 1) for channel means of the same shape."""
        return self.fc2(self.fc1(mean).relu()).sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, H, W) with scaled channels."""
        return x * self.gate(x.mean((2, 3), keepdim=True))


class SpatialWise(nn.Module):
    """Scale every position by a gate computed from its channels.

    Args:
        channels: Channels C of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` (B, C, H, W) with scaled positions."""
        return x * self.conv(x).sigmoid()


class ZeroConnect(nn.Module):
    """No connection.

    Args:
        stride: Divides the size.
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return zeros (B, C, H / stride, W / stride), whatever ``x`` (B, C, H, W) holds."""
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


@POSENAS_OPERATIONS.register_module(name='none')
def make_zero(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make zeros of the output size."""
    return ZeroConnect(stride)


@POSENAS_OPERATIONS.register_module(name='avg_pool_3x3')
def make_avg_pool(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make a 3x3 mean over the pixels inside the map, and a norm."""
    pool = nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False)
    return NormedPool(pool, channels, norm_cfg)


@POSENAS_OPERATIONS.register_module(name='max_pool_3x3')
def make_max_pool(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make a 3x3 maximum and a norm."""
    return NormedPool(nn.MaxPool2d(3, stride=stride, padding=1), channels, norm_cfg)


@POSENAS_OPERATIONS.register_module(name='skip_connect')
def make_skip(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make the identity; with a stride a factorised reduction."""
    return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, norm_cfg)


@POSENAS_OPERATIONS.register_module(name='std_conv_1x1')
def make_std_conv_1x1(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, 1x1 convolution, norm."""
    return ReLUConvBN(channels, channels, 1, stride, norm_cfg=norm_cfg)


@POSENAS_OPERATIONS.register_module(name='std_conv_3x3')
def make_std_conv_3x3(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, 3x3 convolution, norm."""
    return ReLUConvBN(channels, channels, 3, stride, norm_cfg=norm_cfg)


@POSENAS_OPERATIONS.register_module(name='dil_conv_3x3_2')
def make_dil_conv_3x3_2(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, dense 3x3 convolution with dilation 2, norm."""
    return ReLUConvBN(channels, channels, 3, stride, dilation=2, norm_cfg=norm_cfg)


@POSENAS_OPERATIONS.register_module(name='dil_conv_3x3_4')
def make_dil_conv_3x3_4(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make ReLU, dense 3x3 convolution with dilation 4, norm."""
    return ReLUConvBN(channels, channels, 3, stride, dilation=4, norm_cfg=norm_cfg)


@POSENAS_OPERATIONS.register_module(name='se_connect')
def make_se(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make channel attention, with a stride after a 2x2 mean, which was not published."""
    return _pool_first(SEConnect(channels, se_ratio), stride)


@POSENAS_OPERATIONS.register_module(name='spatial_wise')
def make_spatial(
    channels: int, stride: int = 1, norm_cfg: dict | None = None, se_ratio: int | None = None
) -> nn.Module:
    """Make spatial attention, with a stride after a 2x2 mean, which was not published."""
    return _pool_first(SpatialWise(channels), stride)


def _pool_first(module: nn.Module, stride: int) -> nn.Module:
    return module if stride == 1 else nn.Sequential(nn.AvgPool2d(stride), module)
