"""Form of Dite-HRNet's blocks for inference engines.

PyTorch's own fused form keeps channels last and mixes kernels for each image; engines want (B, C,
H, W), a known number of groups and few, large operations. Norms are folded in float64.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from posenas.models.fused.channels_last import Perceptrons, freeze
from posenas.models.fused.folding import bn_scale_shift
from posenas.models.layers.dite_hrnet.adaptive_context import (
    DenseContext,
    GlobalContext,
    MemoryOrderPool,
)
from posenas.models.layers.dite_hrnet.blocks import DiteStem, DMCBlock
from posenas.models.layers.dite_hrnet.dynamic_conv import (
    ConvUnit,
    DynamicConv,
    DynamicSplitConv,
    interleave_channels,
)


def _scaled_bank(unit: ConvUnit) -> tuple[Tensor, Tensor]:
    """Return the kernels (K, O, I / groups, k, k) times the scale of the norm, and its shift."""
    scale, shift = bn_scale_shift(unit.bn)
    conv = unit.conv
    weight = conv.aggregation.weight if isinstance(conv, DynamicConv) else conv.weight[None]
    return weight.double() * scale.view(-1, 1, 1, 1), shift


class EngineDepthwise(nn.Module):
    """Depthwise convolutions side by side, dynamic or not, as one.

    The kernels of a dynamic convolution are linear: all K results are weighed and summed up, by a
    product of a row of weights and a matrix of results.

    Args:
        units: Convolution of each equal part of the channels.
        stride: Stride.
    """

    def __init__(self, units: Sequence[ConvUnit], stride: int = 1) -> None:
        super().__init__()
        banks, shifts = zip(*map(_scaled_bank, units), strict=True)
        side = max(bank.shape[-1] for bank in banks)
        padded = [F.pad(bank, [(side - bank.shape[-1]) // 2] * 4) for bank in banks]
        like = units[0].bn.weight
        self.kernels = freeze(torch.cat([bank.flatten(0, 1) for bank in padded]), like)
        self.num_parts, self.num_kernels = len(units), len(banks[0])
        bias = torch.cat(shifts)
        is_static = self.num_kernels == 1
        self.conv_bias = freeze(bias, like) if is_static else None
        self.bias = None if is_static else freeze(bias.view(-1, 1, 1), like)
        self.settings = (stride, side // 2, 1, len(self.kernels))

    def forward(self, x: Tensor, weights: Tensor | None) -> Tensor:
        """Map (B, C, H, W) to the same shape over the stride.

        Args:
            x: Maps.
            weights: What each kernel weighs, (B, parts * K); None where kernels are not mixed.
        """
        if self.num_kernels > 1:
            parts = x.chunk(self.num_parts, 1)
            x = torch.cat([part for part in parts for _ in range(self.num_kernels)], 1)
        out = F.conv2d(x, self.kernels, self.conv_bias, *self.settings)
        if self.num_kernels > 1:
            results = out.flatten(1).unflatten(1, (self.num_parts, self.num_kernels, -1))
            rows = weights.view(-1, self.num_parts, 1, self.num_kernels)
            mixed = (rows @ results).flatten(1).unflatten(1, (-1, *out.shape[2:]))
            out = mixed + self.bias
        return out


class EnginePointwise(nn.Module):
    """Dynamic 1x1 convolution as a product with a matrix of its own for each image.

    Args:
        unit: Convolution, norm and optional ReLU.
    """

    def __init__(self, unit: ConvUnit) -> None:
        super().__init__()
        bank, shift = _scaled_bank(unit)
        self.attention = make_attention([unit])
        self.bank = freeze(bank.flatten(1), unit.bn.weight)
        self.bias = freeze(shift.view(-1, 1), unit.bn.weight)
        self.relu = unit.relu

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, I, H, W) to (B, O, H, W)."""
        weight = self.attention(x.mean((2, 3))) @ self.bank
        out = weight.view(-1, len(self.bias), x.shape[1]) @ x.flatten(2) + self.bias
        return self.relu(out).unflatten(2, x.shape[2:])


def make_attention(units: Sequence[ConvUnit]) -> Perceptrons:
    """Make what gives the weights of the kernels of dynamic convolutions, side by side."""
    attentions = [unit.conv.attention for unit in units]
    return Perceptrons((a.conv1, a.bn, a.conv2) for a in attentions)


class EngineSplitConvs(nn.Module):
    """Split convolutions of all branches, with one attention for all kernels.

    Args:
        convs: Split convolution of each branch.
    """

    def __init__(self, convs: Sequence[DynamicSplitConv]) -> None:
        super().__init__()
        groups = [list(conv.conv) for conv in convs]
        self.convs = nn.ModuleList(map(EngineDepthwise, groups))
        self.dynamic = [i for i, conv in enumerate(self.convs) if conv.num_kernels > 1]
        units = [unit for i in self.dynamic for unit in groups[i]]
        self.attention = make_attention(units) if units else None
        self.widths = [self.convs[i].num_parts * self.convs[i].num_kernels for i in self.dynamic]

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches to the same shapes."""
        weights: dict[int, Tensor] = {}
        if self.attention is not None:
            means = torch.cat([maps[i].mean((2, 3)) for i in self.dynamic], 1)
            parts = self.attention(means).split(self.widths, 1)
            weights = dict(zip(self.dynamic, parts, strict=True))
        outputs = []
        for i, (x, conv) in enumerate(zip(maps, self.convs, strict=True)):
            out = conv(x, weights.get(i))
            if conv.num_parts > 1:
                out = interleave_channels(out.chunk(conv.num_parts, 1))
            outputs.append(out)
        return outputs


class EngineContexts(nn.Module):
    """Global contexts of several maps, their perceptrons side by side.

    Exact: softmax ignores the bias of its logits; ``bn(x * a)`` is ``x * (a * scale) + shift``.

    Args:
        contexts: Context of each map.
    """

    def __init__(self, contexts: Sequence[GlobalContext]) -> None:
        super().__init__()
        like = contexts[0].conv_mask.weight
        scales, shifts = zip(*(bn_scale_shift(context.bn) for context in contexts), strict=True)
        self.masks = nn.ParameterList(freeze(c.conv_mask.weight.flatten(1), like) for c in contexts)
        self.shifts = nn.ParameterList(freeze(shift.view(-1, 1, 1), like) for shift in shifts)
        self.attention = Perceptrons([c.channel_attention[i] for i in (0, 1, 3)] for c in contexts)
        self.scale = freeze(torch.cat(scales), like)
        self.widths = [len(scale) for scale in scales]

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map (B, C_i, H_i, W_i) to the same shapes."""
        rows = [x.flatten(2) for x in maps]
        weights = [(m @ x).softmax(2) for m, x in zip(self.masks, rows, strict=True)]
        means = [x @ w.transpose(1, 2) for x, w in zip(rows, weights, strict=True)]
        factors = self.attention(torch.cat(means, 1).flatten(1)) * self.scale
        return [
            x * factor.view(-1, x.shape[1], 1, 1) + shift
            for x, factor, shift in zip(
                maps, factors.split(self.widths, 1), self.shifts, strict=True
            )
        ]


class EngineDenseContext(nn.Module):
    """Dense context over all branches, pooled in memory order without a copy.

    Args:
        context: Context of the published form.
    """

    def __init__(self, context: DenseContext) -> None:
        super().__init__()
        self.pool, self.channels = context.pool, context.channels
        self.masks = nn.ModuleList(context.conv_mask[:-1])
        self.channel_attention = context.channel_attention

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Weigh (B, C_i, H_i, W_i) of all branches, the last one the smallest."""
        *larger, smallest = branches
        size = smallest.shape[2:]
        context = [
            self._pool(x, mask.weight.flatten(1), size)
            for x, mask in zip(larger, self.masks, strict=True)
        ]
        factors = self.channel_attention(torch.cat([*context, smallest], 1))
        *upsampled, own = factors.split(self.channels, 1)
        weighted = [
            x * F.interpolate(factor, scale_factor=x.shape[2] // size[0], mode='nearest')
            for x, factor in zip(larger, upsampled, strict=True)
        ]
        return [*weighted, smallest * own]

    def _pool(self, x: Tensor, mask: Tensor, size: torch.Size) -> Tensor:
        logits = mask @ x.flatten(2)  # (B, 1, H * W)
        if not isinstance(self.pool, MemoryOrderPool):
            return self.pool(x, logits.unflatten(2, x.shape[2:]), size)
        runs = x.flatten(1).unflatten(1, (size.numel(), x.shape[1], -1))  # (B, h * w, C, run)
        weights = logits.softmax(2).flatten(1).unflatten(1, (size.numel(), -1, 1))
        pooled = (runs @ weights).squeeze(3)  # (B, h * w, C)
        return pooled.transpose(1, 2).unflatten(2, size)


class EngineBlock(nn.Module):
    """Dynamic multi-scale context block.

    Args:
        block: Block of the published form.
    """

    def __init__(self, block: DMCBlock) -> None:
        super().__init__()
        self.dcm = EngineDenseContext(block.dcm)
        self.conv = EngineSplitConvs(block.conv)
        self.gcm = EngineContexts(block.gcm)

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches, (B, C_i, H_i, W_i) each, to the same shapes."""
        kept, changed = zip(*(x.chunk(2, 1) for x in branches), strict=True)
        changed = self.gcm(self.conv(self.dcm(changed)))
        return [interleave_channels(pair) for pair in zip(kept, changed, strict=True)]


class EngineStem(nn.Module):
    """Stem: both halves of the channels get their weights at once.

    Args:
        stem: Stem of the published form.
    """

    def __init__(self, stem: DiteStem) -> None:
        super().__init__()
        self.conv1 = stem.conv1
        first = [stem.branch1[0], stem.branch2[0]]
        self.attention = make_attention(first)
        self.widths = [len(_scaled_bank(unit)[0]) for unit in first]
        self.left, self.right = (
            EngineDepthwise([unit], unit.conv.aggregation.stride[0]) for unit in first
        )
        self.context1, self.context2 = (
            EngineContexts([branch[1]]) for branch in (stem.branch1, stem.branch2)
        )
        self.expand1 = EnginePointwise(stem.branch1[2])
        self.squeeze2, self.expand2 = (EnginePointwise(stem.branch2[i]) for i in (2, 3))
        last = stem.branch2[4]
        self.attention2, self.last = make_attention([last]), EngineDepthwise([last], 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, in_channels, H, W) to (B, C, H / 4, W / 4)."""
        x = self.conv1(x)
        weights1, weights2 = self.attention(x.mean((2, 3))).split(self.widths, 1)
        left, right = x.chunk(2, 1)
        (left,) = self.context1([self.left(left, weights1)])
        (right,) = self.context2([self.right(right, weights2)])
        right = self.expand2(self.squeeze2(right))
        right = self.last(right, self.attention2(right.mean((2, 3)))).relu()
        return interleave_channels((self.expand1(left), right))
