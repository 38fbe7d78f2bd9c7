"""Fused form of Dite-HRNet's blocks: contexts, mixed kernels, the interleaving of channels.

Every class says what it rewrites and why the result is the same. Maps are (B, H, W, C).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from posenas.models.fused.channels_last import (
    Perceptrons,
    convolve_depthwise,
    freeze,
    join,
    multiply_enlarged,
    scale_depthwise,
    to_channels_first,
)
from posenas.models.fused.folding import bn_scale_shift
from posenas.models.layers.dite_hrnet.adaptive_context import (
    DenseContext,
    GlobalContext,
    WindowPool,
)
from posenas.models.layers.dite_hrnet.blocks import DMCBlock
from posenas.models.layers.dite_hrnet.dynamic_conv import ConvUnit, DynamicConv, DynamicSplitConv


class KernelMixer(nn.Module):
    """Kernels of several dynamic convolutions, mixed for each image by three matrix products.

    Exact: the mixture is linear in the bank, so the norm's scale goes into the bank; kernels padded
    with zeros to one side and banks placed block-diagonally add zeros only.

    Args:
        groups: Dynamic convolutions that run as one, for each of these; every convolution reads
            its own slice of the joint means.
        kernel_sizes: Odd side to which the kernels of each group are padded.
    """

    def __init__(self, groups: Sequence[Sequence[ConvUnit]], kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        units = [unit for group in groups for unit in group]
        attentions = [unit.conv.attention for unit in units]
        self.attention = Perceptrons((a.conv1, a.bn, a.conv2) for a in attentions)
        banks = [
            [_scale_bank(unit, size) for unit in group]
            for group, size in zip(groups, kernel_sizes, strict=True)
        ]
        self.sizes = tuple(sum(bank.shape[1] for bank in group) for group in banks)
        bank = torch.block_diag(*(bank for group in banks for bank in group))
        self.bank = freeze(bank, units[0].conv.aggregation.weight)

    def forward(self, means: Tensor) -> Sequence[Tensor]:
        """Return the flat kernels of each group, (B, O * I / groups * k * k).

        Args:
            means: Mean of each channel that a convolution reads, (B, sum of input channels).
        """
        return torch.mm(self.attention(means), self.bank).split(self.sizes, dim=1)


def _scale_bank(unit: ConvUnit, kernel_size: int) -> Tensor:
    """Return the bank of ``unit`` times the scale of its norm, float64, a row per kernel.

    A row is a flat kernel (O, I / groups, k, k).
    """
    scale, _ = bn_scale_shift(unit.bn)
    bank = unit.conv.aggregation.weight.double() * scale.view(-1, 1, 1, 1)
    return _pad_kernels(bank, kernel_size).flatten(1)


def _pad_kernels(kernels: Tensor, kernel_size: int) -> Tensor:
    """Surround kernels (..., k, k) with zeros; the convolution stays the same."""
    return F.pad(kernels, [(kernel_size - kernels.shape[-1]) // 2] * 4)


class DynamicDepthwise(nn.Module):
    """Depthwise convolutions that run as one, every image with kernels of its own.

    Args:
        units: Dynamic convolutions of one group of a :class:`KernelMixer`.
        kernel_size: Odd side to which their kernels are padded.
        stride: Stride.
    """

    def __init__(self, units: Sequence[ConvUnit], kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        like = units[0].conv.aggregation.weight
        self.kernel_size, self.stride = kernel_size, stride
        self.bias = freeze(torch.cat([bn_scale_shift(unit.bn)[1] for unit in units]), like)

    def forward(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Map (B, H, W, C) to (B, H / stride, W / stride, C).

        Args:
            x: Images.
            mixed: The group's kernels by its :class:`KernelMixer`.
        """
        return convolve_each(x, mixed, self.kernel_size, self.bias, self.stride)


def convolve_each(
    x: Tensor, kernels: Tensor, kernel_size: int, bias: Tensor, stride: int = 1
) -> Tensor:
    """Convolve every image with depthwise kernels of its own.

    Args:
        x: (B, H, W, C).
        kernels: (B, C * k * k).
        kernel_size: Odd side k.
        bias: (C,), the same for all images.
        stride: Stride.
    """
    batch, height, width, channels = x.shape
    weight = kernels.reshape(-1, 1, kernel_size, kernel_size)
    biases = bias.expand(batch, channels).reshape(-1)
    side_by_side = x.permute(1, 2, 0, 3).reshape(1, height, width, batch * channels)
    out = convolve_depthwise(side_by_side, weight, biases, stride)
    return out.view(*out.shape[1:3], batch, channels).permute(2, 0, 1, 3).contiguous()


class DynamicPointwise(nn.Module):
    """Dynamic 1x1 convolution with its norm as one batched matrix product.

    Args:
        unit: Convolution, norm and optional ReLU.
    """

    def __init__(self, unit: ConvUnit) -> None:
        super().__init__()
        self.mixer = KernelMixer([[unit]], [1])
        self.bias = freeze(bn_scale_shift(unit.bn)[1], self.mixer.bank)
        self.with_relu = isinstance(unit.relu, nn.ReLU)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, I) to (B, H, W, O)."""
        (kernels,) = self.mixer(x.mean((1, 2)))
        weight = kernels.view(x.shape[0], -1, x.shape[3])  # (B, O, I)
        out = torch.baddbmm(self.bias, x.flatten(1, 2), weight.transpose(1, 2))
        if self.with_relu:
            out = out.relu_()
        return out.view(*x.shape[:3], -1)


class SplitConvs(nn.Module):
    """Split convolutions of all branches: one attention, one mixing, one convolution per branch.

    The parts of a branch become one depthwise convolution with kernels padded to the largest side,
    exact since zeros add nothing. Its channels come part by part: the shuffle between parts is left
    to what reads the result.

    Args:
        convs: Split convolution of each branch.
    """

    def __init__(self, convs: Sequence[DynamicSplitConv]) -> None:
        super().__init__()
        groups = [list(conv.conv) for conv in convs]
        self.kernel_sizes = [max(_kernel_size(unit) for unit in units) for units in groups]
        self.dynamic = [i for i, g in enumerate(groups) if isinstance(g[0].conv, DynamicConv)]
        self.bias, self.static = nn.ParameterDict(), nn.ParameterDict()
        for i, units in enumerate(groups):
            if i not in self.dynamic:
                folded = [scale_depthwise(unit.conv, unit.bn) for unit in units]
                padded = [_pad_kernels(kernel, self.kernel_sizes[i]) for kernel, _ in folded]
                like = units[0].conv.weight
                self.static[str(i)] = freeze(torch.cat(padded), like)
                self.bias[str(i)] = freeze(torch.cat([shift for _, shift in folded]), like)
        self.mixer, self.mixing = None, nn.ModuleDict()
        if self.dynamic:
            sizes = [self.kernel_sizes[i] for i in self.dynamic]
            self.mixer = KernelMixer([groups[i] for i in self.dynamic], sizes)
            for i, size in zip(self.dynamic, sizes, strict=True):
                self.mixing[str(i)] = DynamicDepthwise(groups[i], size)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, H_i, W_i, C_i) of all branches to the same shapes, channels part by part."""
        mixed = {}
        if self.mixer is not None:
            means = join([maps[i].mean((1, 2)) for i in self.dynamic])
            mixed = dict(zip(self.dynamic, self.mixer(means), strict=True))
        return [
            self.mixing[str(i)](x, mixed[i])
            if i in mixed
            else convolve_depthwise(x, self.static[str(i)], self.bias[str(i)])
            for i, x in enumerate(maps)
        ]


def _kernel_size(unit: ConvUnit) -> int:
    """Return the side of a unit's kernels."""
    conv = unit.conv.aggregation if isinstance(unit.conv, DynamicConv) else unit.conv
    return conv.kernel_size[0]


class GlobalContexts(nn.Module):
    """Global contexts of several maps, their perceptrons side by side.

    Exact: softmax ignores the bias of its logits; ``bn(x * a)`` is ``x * (a * scale) + shift``.

    Args:
        contexts: Context of each map.
        orders: Order in which the channels of each map come, (C,) indices; None is the natural one.
    """

    def __init__(
        self, contexts: Sequence[GlobalContext], orders: Sequence[Tensor] | None = None
    ) -> None:
        super().__init__()
        orders = orders or [torch.arange(c.conv_mask.in_channels) for c in contexts]
        like = contexts[0].conv_mask.weight
        self.masks, self.shifts = nn.ParameterList(), nn.ParameterList()
        scales = []
        for context, order in zip(contexts, orders, strict=True):
            scale, shift = bn_scale_shift(context.bn)
            scales.append(scale[order])
            self.shifts.append(freeze(shift[order], like))
            self.masks.append(freeze(context.conv_mask.weight.flatten()[order], like))
        layers = [[c.channel_attention[i] for i in (0, 1, 3)] for c in contexts]
        self.attention = Perceptrons(layers, orders)
        self.scale = freeze(torch.cat(scales), like)
        self.widths = [len(scale) for scale in scales]

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, H_i, W_i, C_i) to the same shapes."""
        means = [
            _pool_rows(x.flatten(1, 2), mask) for x, mask in zip(maps, self.masks, strict=True)
        ]
        factors = (self.attention(join(means)) * self.scale).split(self.widths, dim=1)
        return [
            torch.addcmul(shift, x, factor[:, None, None])
            for x, factor, shift in zip(maps, factors, self.shifts, strict=True)
        ]


def _pool_rows(rows: Tensor, mask: Tensor) -> Tensor:
    """Average (B, R, C) over the rows, by the softmax of their products with ``mask``: (B, C)."""
    weights = (rows @ mask).softmax(1)
    return torch.bmm(weights.unsqueeze(1), rows).squeeze(1)


class DenseContexts(nn.Module):
    """Dense context over all branches, as rows of a matrix product.

    Exact: softmax ignores the bias of its logits; the enlarged factors are read where they are.

    Args:
        context: Context of the published form.
    """

    def __init__(self, context: DenseContext) -> None:
        super().__init__()
        windows = isinstance(context.pool, WindowPool)
        self.pool = _pool_windows if windows else _pool_in_memory_order
        weights = [mask.weight.flatten() for mask in context.conv_mask[:-1]]
        self.masks = nn.ParameterList(freeze(weight, weight) for weight in weights)
        self.attention = Perceptrons([[context.channel_attention[i] for i in (0, 1, 3)]])
        self.channels = context.channels

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Weigh (B, H_i, W_i, C_i) of all branches, the last one the smallest."""
        *larger, smallest = maps
        size = smallest.shape[1:3]
        pooled = [self.pool(x, mask, size) for x, mask in zip(larger, self.masks, strict=True)]
        factors = self.attention(join([*pooled, smallest.flatten(0, 2)]))
        cells = factors.unflatten(0, smallest.shape[:3]).split(self.channels, dim=3)
        return [multiply_enlarged(x, cell) for x, cell in zip(maps, cells, strict=True)]


def _pool_in_memory_order(x: Tensor, mask: Tensor, size: torch.Size) -> Tensor:
    """Pool (B, H, W, C) to rows (B * h * w, C) as ``MemoryOrderPool`` does."""
    batch, channels, num_runs = x.shape[0], x.shape[3], size.numel()
    planes = to_channels_first(x).contiguous().flatten(2)  # (B, C, H * W)
    weights = torch.bmm(mask.expand(batch, 1, -1), planes).softmax(2)
    # Only what is known before the batch is cut anew, so that exported networks take any batch.
    runs = planes.flatten(1).unflatten(1, (num_runs, channels, -1))  # (B, h * w, C, pixels)
    rows = weights.flatten(1).unflatten(1, (num_runs, 1, -1))
    # A row times a transposed matrix: many times as fast here as a matrix times a column.
    return torch.matmul(rows, runs.transpose(2, 3)).flatten(0, 2)


def _pool_windows(x: Tensor, mask: Tensor, size: torch.Size) -> Tensor:
    """Pool windows of (B, H, W, C) to rows (B * h * w, C) as ``WindowPool`` does."""
    cells = x.unflatten(2, (size[1], -1)).unflatten(1, (size[0], -1))  # (B, h, H/h, w, W/w, C)
    windows = cells.transpose(2, 3).flatten(3, 4).flatten(0, 2)  # (B * h * w, pixels, C)
    return _pool_rows(windows, mask)


def interleave(first: Tensor, second: Tensor, num_parts: int = 1) -> Tensor:
    """Take channels of two maps (B, H, W, C) in turn; those of ``second`` come in parts.

    One copy does the shuffle between the parts of a split convolution and that of the halves.
    """
    if num_parts > 1:
        second = second.unflatten(3, (num_parts, -1)).transpose(3, 4)  # (B, H, W, C / parts, parts)
        first = first.unflatten(3, (-1, num_parts))
    return torch.stack((first, second), dim=-1).flatten(3)


class FusedBlock(nn.Module):
    """Dynamic multi-scale context block on maps (B, H_i, W_i, C_i).

    Args:
        block: Block of the published form.
    """

    def __init__(self, block: DMCBlock) -> None:
        super().__init__()
        self.num_parts = [len(conv.conv) for conv in block.conv]
        # Position p of the channels part by part -> channel of the published form.
        orders = [
            torch.arange(context.conv_mask.in_channels).view(-1, num_parts).t().flatten()
            for context, num_parts in zip(block.gcm, self.num_parts, strict=True)
        ]
        self.dcm = DenseContexts(block.dcm)
        self.conv = SplitConvs(block.conv)
        self.gcm = GlobalContexts(block.gcm, orders)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches to the same shapes."""
        kept, changed = zip(*(x.chunk(2, dim=3) for x in maps), strict=True)
        changed = self.gcm(self.conv(self.dcm(changed)))
        return [interleave(*parts) for parts in zip(kept, changed, self.num_parts, strict=True)]
