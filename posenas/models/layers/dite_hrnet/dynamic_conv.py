"""Convolutions whose kernel is mixed per image, and the split convolution built from them.

Li et al., Dite-HRNet: Dynamic Lightweight High-Resolution Network for Human Pose Estimation, IJCAI
2022, section 3. Attributes that hold parameters keep the release's names.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from posenas.models.layers.checkpointing import checkpoint_module
from posenas.utils import ConfigError


def interleave_channels(parts: Sequence[Tensor]) -> Tensor:
    """Join G maps (B, C, H, W) to (B, C * G, H, W), taking one channel of each in turn.

    Equals concatenation followed by a channel shuffle with G groups, without the copy between.
    """
    return torch.stack(tuple(parts), dim=2).flatten(1, 2)


class KernelAttention(nn.Module):
    """Weight of every kernel of a bank for each image; sigmoids, which do not sum to one.

    Args:
        channels: Channels C of the map.
        num_kernels: Kernels K of the bank.
        reduction: C divided by the hidden width; three channels get K hidden ones.
        norm_cfg: Normalisation layer.
    """

    def __init__(self, channels: int, num_kernels: int, reduction: int, norm_cfg: dict) -> None:
        super().__init__()
        width = num_kernels if channels == 3 else max(1, channels // reduction)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn = build_norm_layer(norm_cfg, width)[1]
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, num_kernels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return weights (B, K) for images ``x`` (B, C, H, W).

        Raises:
            ConfigError: One image in training, which leaves batch norm one value per channel.
        """
        if len(x) == 1 and self.bn.training and isinstance(self.bn, nn.BatchNorm2d):
            raise ConfigError(
                'training needs at least 2 images in the batch of each process, because kernel '
                'attention normalises one value per image and channel, got 1: raise batch_size '
                '(and set drop_last=True), or set norm_eval=True'
            )
        hidden = self.relu(self.bn(self.conv1(self.pool(x))))
        return self.conv2(hidden).flatten(1).sigmoid()


class KernelAggregation(nn.Module):
    """Convolve each image with its own mixture of K kernels.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd side k; the input is padded by ``k // 2``.
        num_kernels: Kernels K of the bank.
        stride: Stride.
        groups: Groups.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        num_kernels: int,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = (kernel_size, kernel_size), (stride, stride)
        self.padding, self.groups = (kernel_size // 2, kernel_size // 2), groups
        self.weight = nn.Parameter(
            torch.empty(num_kernels, out_channels, in_channels // groups, kernel_size, kernel_size)
        )
        for kernel in self.weight:
            nn.init.kaiming_uniform_(kernel)

    def forward(self, x: Tensor, mixture: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride).

        Args:
            x: Images.
            mixture: Weights of the kernels, (B, K).
        """
        kernels = self.mix(mixture).flatten(0, 1)  # (B * out_channels, in / groups, k, k)
        images = x.reshape(1, -1, *x.shape[2:])  # (1, B * in_channels, H, W)
        groups = len(x) * self.groups
        out = F.conv2d(images, kernels, None, self.stride, self.padding, 1, groups)
        return out[0].unflatten(0, (len(x), self.out_channels))

    def mix(self, mixture: Tensor) -> Tensor:
        """Return one kernel per image, (B, out_channels, in_channels / groups, k, k).

        A product and a sum, not a matrix product, which autocast would run in low precision.
        """
        weighted = mixture[:, :, None] * self.weight.flatten(1)  # (B, K, numbers of a kernel)
        return weighted.sum(1).unflatten(1, self.weight.shape[1:])

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> 'KernelAggregation':
        """Show conversions four axes: ``channels_last`` is not defined for the bank's five."""

        def convert(tensor: Tensor) -> Tensor:
            return fn(tensor.flatten(0, 1)).contiguous().view_as(tensor)

        return super()._apply(convert, recurse)


class DynamicConv(nn.Module):
    """Dynamic kernel aggregation: a convolution that weighs its K kernels by the image.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd side of the kernels.
        num_kernels: Kernels K.
        stride: Stride.
        groups: Groups.
        attention_reduction: See :class:`KernelAttention`.
        norm_cfg: Normalisation layer inside the attention.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        num_kernels: int,
        stride: int,
        groups: int,
        attention_reduction: int,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.attention = KernelAttention(in_channels, num_kernels, attention_reduction, norm_cfg)
        self.aggregation = KernelAggregation(
            in_channels, out_channels, kernel_size, num_kernels, stride, groups
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        return self.aggregation(x, self.attention(x))


class ConvUnit(nn.Module):
    """Convolution, dynamic where it has several kernels, normalisation, optional ReLU.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd side of the kernels.
        num_kernels: Kernels; 1 is a plain convolution.
        stride: Stride.
        groups: Groups.
        with_relu: Whether a ReLU ends the unit.
        attention_reduction: See :class:`KernelAttention`.
        norm_cfg: Normalisation layer; None is ``BN``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        num_kernels: int = 1,
        stride: int = 1,
        groups: int = 1,
        with_relu: bool = False,
        attention_reduction: int = 4,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type='BN')
        shape, options = (
            (in_channels, out_channels, kernel_size),
            dict(stride=stride, groups=groups),
        )
        if num_kernels == 1:
            self.conv = nn.Conv2d(*shape, padding=kernel_size // 2, bias=False, **options)
        else:
            options |= dict(attention_reduction=attention_reduction, norm_cfg=norm_cfg)
            self.conv = DynamicConv(*shape, num_kernels, **options)
        self.bn = build_norm_layer(norm_cfg, out_channels)[1]
        self.relu = nn.ReLU(inplace=True) if with_relu else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in_channels, H, W) to (B, out_channels, H / stride, W / stride)."""
        return self.relu(self.bn(self.conv(x)))


class DynamicSplitConv(nn.Module):
    """Depthwise convolutions of growing kernels, each on an equal part of the channels.

    Differs from the paper: the release uses plain kernels where ``num_kernels`` is 1.

    Args:
        channels: Channels C of input and output, a multiple of the number of parts.
        kernel_sizes: Odd kernel side of each part.
        num_kernels: Kernels of each part; every part has an attention of its own.
        attention_reduction: See :class:`KernelAttention`.
        norm_cfg: Normalisation layer; None is ``BN``.
        with_cp: Whether to recompute in the backward pass to save memory.

    Raises:
        ConfigError: The channels cannot be split into equal parts.
    """

    def __init__(
        self,
        channels: int,
        kernel_sizes: Sequence[int] = (3,),
        num_kernels: int = 1,
        attention_reduction: int = 4,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        width, rest = divmod(channels, len(kernel_sizes))
        if rest:
            raise ConfigError(
                'channels of a split convolution (half of its branch) must be a multiple of '
                f'num_groups = {len(kernel_sizes)}, got {channels}: change num_channels or '
                'num_groups'
            )
        self.with_cp = with_cp
        self.conv = nn.ModuleList(
            ConvUnit(
                width,
                width,
                kernel_size,
                num_kernels,
                groups=width,
                attention_reduction=attention_reduction,
                norm_cfg=norm_cfg,
            )
            for kernel_size in kernel_sizes
        )

    def _convolve(self, x: Tensor) -> Tensor:
        if len(self.conv) == 1:
            return self.conv[0](x)
        parts = x.chunk(len(self.conv), dim=1)
        return interleave_channels(
            [conv(part) for conv, part in zip(self.conv, parts, strict=True)]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return checkpoint_module(self, self._convolve, x) if self.with_cp else self._convolve(x)
