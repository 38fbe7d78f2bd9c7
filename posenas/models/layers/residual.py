"""Residual blocks with the activation behind the addition, as in ResNet and HRNet."""

from abc import ABC, abstractmethod
from typing import ClassVar

from mmcv.cnn import build_conv_layer, build_norm_layer
from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn

from posenas.models.layers.attention import ContextBlock
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.utils import ConfigError, check_choice


class ResidualBlock(BaseModule, ABC):
    """Add the input to what the block computes, then rectify.

    A block sets ``relu``, ``downsample`` (None: the input itself is added) and ``with_cp`` (whether
    the residual branch is recomputed in the backward pass to save memory).
    """

    #: Output channels divided by those of the first convolution, unless told otherwise.
    default_expansion: ClassVar[int]

    relu: nn.Module
    downsample: nn.Module | None
    with_cp: bool

    @abstractmethod
    def _residual(self, x: Tensor) -> Tensor:
        """Compute what is added to the input."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        out = checkpoint_module(self, self._residual, x) if self.with_cp else self._residual(x)
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class BasicBlock(ResidualBlock):
    """Residual block of two 3x3 convolutions.

    He et al., Deep Residual Learning for Image Recognition, CVPR 2016, figure 5 left.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        expansion: ``out_channels`` divided by the channels between the convolutions.
        stride: Stride of the block, taken by its first convolution.
        dilation: Dilation of the first convolution.
        downsample: Projects the input for the addition; None adds the input itself.
        style: Without meaning here; see :class:`Bottleneck`.
        with_cp: Whether to recompute the residual branch in the backward pass to save memory.
        zero_init_residual: Whether ``bn2.weight`` starts at 0.
        conv_cfg: Convolution layer, as ``mmcv.cnn.build_conv_layer`` takes it.
        norm_cfg: Normalisation layer, as ``mmcv.cnn.build_norm_layer`` takes it; None is ``BN``.
    """

    default_expansion = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int = 1,
        stride: int = 1,
        dilation: int = 1,
        downsample: nn.Module | None = None,
        style: str = 'pytorch',
        with_cp: bool = False,
        zero_init_residual: bool = False,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=zero_norm('bn2') if zero_init_residual else None)
        check_choice('style', style, ('pytorch', 'caffe'))
        width = _inner_width(out_channels, expansion)
        norm_cfg = norm_cfg or dict(type='BN')
        self.with_cp = with_cp
        self.conv1 = build_conv_layer(
            conv_cfg,
            in_channels,
            width,
            3,
            stride=stride,
            padding=dilation,
            dilation=dilation,
            bias=False,
        )
        self.bn1 = build_norm_layer(norm_cfg, width)[1]
        self.conv2 = build_conv_layer(conv_cfg, width, out_channels, 3, padding=1, bias=False)
        self.bn2 = build_norm_layer(norm_cfg, out_channels)[1]
        self.downsample = downsample
        self.relu = nn.ReLU(inplace=True)

    def _residual(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(out))


class Bottleneck(ResidualBlock):
    """Residual block of 1x1, k x k and 1x1 convolutions, and an optional :class:`ContextBlock`.

    He et al., Deep Residual Learning for Image Recognition, CVPR 2016, figure 5 right; with groups,
    larger kernels and attention the block of ViPNAS, Xu et al., CVPR 2021.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        expansion: ``out_channels`` divided by the width of the middle convolution.
        kernel_size: Odd side k of the middle convolution.
        groups: Groups of the middle convolution.
        stride: Stride of the block.
        dilation: Dilation of the middle convolution, padded so that the size stays.
        with_attention: Whether a context block ends the residual branch.
        downsample: Projects the input for the addition; None adds the input itself.
        style: 'pytorch' puts the stride into the middle convolution, 'caffe' into the first one.
        with_cp: Whether to recompute the residual branch in the backward pass to save memory.
        zero_init_residual: Whether ``bn3.weight`` starts at 0.
        conv_cfg: Convolution layer, as ``mmcv.cnn.build_conv_layer`` takes it.
        norm_cfg: Normalisation layer, as ``mmcv.cnn.build_norm_layer`` takes it; None is ``BN``.

    Raises:
        ConfigError: ``out_channels`` is no multiple of ``expansion * groups``.
    """

    default_expansion = 4

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion: int = 4,
        kernel_size: int = 3,
        groups: int = 1,
        stride: int = 1,
        dilation: int = 1,
        with_attention: bool = False,
        downsample: nn.Module | None = None,
        style: str = 'pytorch',
        with_cp: bool = False,
        zero_init_residual: bool = False,
        conv_cfg: dict | None = None,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=zero_norm('bn3') if zero_init_residual else None)
        check_choice('style', style, ('pytorch', 'caffe'))
        width = _inner_width(out_channels, expansion, groups)
        norm_cfg = norm_cfg or dict(type='BN')
        stride1, stride2 = (1, stride) if style == 'pytorch' else (stride, 1)
        self.with_cp = with_cp
        self.conv1 = build_conv_layer(conv_cfg, in_channels, width, 1, stride=stride1, bias=False)
        self.bn1 = build_norm_layer(norm_cfg, width)[1]
        self.conv2 = build_conv_layer(
            conv_cfg,
            width,
            width,
            kernel_size,
            stride=stride2,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        self.bn2 = build_norm_layer(norm_cfg, width)[1]
        self.conv3 = build_conv_layer(conv_cfg, width, out_channels, 1, bias=False)
        self.bn3 = build_norm_layer(norm_cfg, out_channels)[1]
        self.attention = ContextBlock(out_channels) if with_attention else None
        self.downsample = downsample
        self.relu = nn.ReLU(inplace=True)

    def _residual(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return out if self.attention is None else self.attention(out)


def zero_norm(name: str) -> dict:
    """Return the initialisation that lets the norm ``name`` of a block start at 0."""
    return dict(type='Constant', val=0, override=dict(name=name))


def make_shortcut(
    in_channels: int,
    out_channels: int,
    stride: int = 1,
    avg_down: bool = False,
    conv_cfg: dict | None = None,
    norm_cfg: dict | None = None,
) -> nn.Sequential | None:
    """Project a block's input by a 1x1 convolution and a norm.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Stride of the block.
        avg_down: Whether a stride is taken by average pooling before the convolution.
        conv_cfg: Convolution layer.
        norm_cfg: Normalisation layer; None is ``BN``.

    Returns:
        None where the input fits as it is.
    """
    if stride == 1 and in_channels == out_channels:
        return None
    layers: list[nn.Module] = []
    if avg_down and stride != 1:
        layers.append(nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False))
        stride = 1
    layers.append(
        build_conv_layer(conv_cfg, in_channels, out_channels, 1, stride=stride, bias=False)
    )
    layers.append(build_norm_layer(norm_cfg or dict(type='BN'), out_channels)[1])
    return nn.Sequential(*layers)


def make_residual_layer(
    block: type[ResidualBlock],
    in_channels: int,
    out_channels: int,
    num_blocks: int,
    stride: int = 1,
    avg_down: bool = False,
    conv_cfg: dict | None = None,
    norm_cfg: dict | None = None,
    **block_cfg: object,
) -> Sequential:
    """Stack blocks; the first has the stride and, where needed, a shortcut.

    Args:
        block: Class of the blocks.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        num_blocks: Number of blocks, at least 1.
        stride: Stride of the first block.
        avg_down: See :func:`make_shortcut`.
        conv_cfg: Convolution layer of blocks and shortcut.
        norm_cfg: Normalisation layer of blocks and shortcut; None is ``BN``.
        **block_cfg: Other arguments of every block.

    Raises:
        ConfigError: There is no block.
    """
    if num_blocks < 1:
        raise ConfigError(f'a residual layer needs at least one block, got {num_blocks}')
    layers_cfg = dict(conv_cfg=conv_cfg, norm_cfg=norm_cfg)
    shortcut = make_shortcut(in_channels, out_channels, stride, avg_down, **layers_cfg)
    block_cfg = dict(block_cfg, **layers_cfg)
    first = block(in_channels, out_channels, stride=stride, downsample=shortcut, **block_cfg)
    rest = [block(out_channels, out_channels, **block_cfg) for _ in range(num_blocks - 1)]
    return Sequential(first, *rest)


def _inner_width(out_channels: int, expansion: int, groups: int = 1) -> int:
    width, rest = divmod(out_channels, expansion)
    if rest or width % groups:
        raise ConfigError(
            'out_channels must be a multiple of expansion * groups, got '
            f'{out_channels} with expansion {expansion} and groups {groups}'
        )
    return width
