"""Stacks of layers between a backbone's last map and the heatmaps."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mmcv.cnn import build_conv_layer
from torch import nn

from posenas.utils import ConfigError

#: Final layer of heads whose config names none.
CONV_1X1 = MappingProxyType(dict(kernel_size=1))

#: Kernel side -> padding and output padding with which a stride of 2 doubles the map.
_DECONV_PADDING = {4: (1, 0), 3: (1, 1), 2: (0, 0)}


def build_deconv_layers(
    in_channels: int,
    out_channels: Sequence[int] | None,
    kernel_sizes: Sequence[int] | None,
    num_groups: Sequence[int] | None = None,
) -> nn.Module:
    """Stack transposed convolutions of stride 2, each with batch norm and ReLU.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels after each layer; None or empty makes the identity.
        kernel_sizes: Kernel side of each layer: 4, 3 or 2.
        num_groups: Groups of each layer; None is 1.

    Returns:
        A flat ``Sequential``: layer i is at 3 i, its norm at 3 i + 1, its ReLU at 3 i + 2.

    Raises:
        ConfigError: Lengths differ, a kernel has no padding that doubles, channels do not divide.
    """
    if not out_channels:
        return nn.Identity()
    num_groups = num_groups or [1] * len(out_channels)
    _check_lengths('deconv_out_channels', out_channels, 'deconv_kernel_sizes', kernel_sizes)
    _check_lengths('deconv_out_channels', out_channels, 'deconv_num_groups', num_groups)
    layers: list[nn.Module] = []
    for channels, kernel, groups in zip(out_channels, kernel_sizes, num_groups, strict=True):
        if kernel not in _DECONV_PADDING:
            raise ConfigError(f'deconv_kernel_sizes must be 4, 3 or 2, got {kernel}')
        if in_channels % groups or channels % groups:
            raise ConfigError(
                f'deconv_num_groups must divide the channels, got {groups} groups for '
                f'{in_channels} to {channels} channels'
            )
        padding, output_padding = _DECONV_PADDING[kernel]
        layers += [
            nn.ConvTranspose2d(
                in_channels,
                channels,
                kernel,
                stride=2,
                padding=padding,
                output_padding=output_padding,
                groups=groups,
                bias=False,
            ),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = channels
    return nn.Sequential(*layers)


def build_conv_layers(
    in_channels: int, out_channels: Sequence[int] | None, kernel_sizes: Sequence[int] | None
) -> nn.Module:
    """Stack convolutions with bias, each with batch norm and ReLU; sizes stay as they are.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels after each layer; None or empty makes the identity.
        kernel_sizes: Odd kernel side of each layer.

    Returns:
        A flat ``Sequential``, indices as in :func:`build_deconv_layers`.

    Raises:
        ConfigError: Lengths differ.
    """
    if not out_channels:
        return nn.Identity()
    _check_lengths('conv_out_channels', out_channels, 'conv_kernel_sizes', kernel_sizes)
    layers: list[nn.Module] = []
    for channels, kernel in zip(out_channels, kernel_sizes, strict=True):
        layers += [
            nn.Conv2d(in_channels, channels, kernel, padding=(kernel - 1) // 2),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        in_channels = channels
    return nn.Sequential(*layers)


def build_final_layer(in_channels: int, out_channels: int, cfg: Mapping | None) -> nn.Module:
    """Make the convolution that emits the heatmaps.

    Args:
        in_channels: Channels of the input.
        out_channels: Heatmaps.
        cfg: Arguments for the convolution that differ from a 1x1 with bias, such as
            ``dict(kernel_size=3, padding=1)``; None makes the identity.

    Raises:
        ConfigError: There is no final layer and the channels differ.
    """
    if cfg is not None:
        merged = dict(type='Conv2d', kernel_size=1) | dict(cfg)
        return build_conv_layer(merged, in_channels=in_channels, out_channels=out_channels)
    if in_channels != out_channels:
        raise ConfigError(
            f'without final_layer the last channels must equal out_channels={out_channels}, '
            f'got {in_channels}'
        )
    return nn.Identity()


def _check_lengths(
    name: str, values: Sequence[int], other_name: str, others: Sequence[int] | None
) -> None:
    """Require two lists that describe the same layers to be of one length."""
    if others is None or len(values) != len(others):
        raise ConfigError(
            f'{other_name} must have one entry per entry of {name}, '
            f'got {others} for {tuple(values)}'
        )
