"""Fused form of Dite-HRNet: stem, transitions, exchange between branches, iterative head.

Same results from about half of the operations, by stock PyTorch only. The forms read and return
(B, C, H, W) like the modules they replace, in ``channels_last`` memory, so that nothing is copied
between them.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.fused.channels_last import (
    Depthwise,
    Pointwise,
    add_enlarged,
    fold_pointwise,
    join,
    scale_depthwise,
    to_channels_first,
    to_channels_last,
)
from posenas.models.fused.dite_hrnet_blocks import (
    DynamicDepthwise,
    DynamicPointwise,
    FusedBlock,
    GlobalContexts,
    KernelMixer,
    interleave,
)
from posenas.models.fused.folding import fold_conv_bn
from posenas.models.fused.rules import consists_of
from posenas.models.layers.dite_hrnet.adaptive_context import (
    DenseContext,
    GlobalContext,
    MemoryOrderPool,
    WindowPool,
)
from posenas.models.layers.dite_hrnet.blocks import DiteModule, DiteStem, DMCBlock
from posenas.models.layers.dite_hrnet.dynamic_conv import (
    ConvUnit,
    DynamicConv,
    DynamicSplitConv,
    KernelAggregation,
    KernelAttention,
)
from posenas.models.layers.exchange import DepthwisePointwise, IterativeHead

#: Published parts whose arithmetic the fused forms repeat.
_PARTS = {
    DMCBlock,
    DenseContext,
    DepthwisePointwise,
    DiteModule,
    DiteStem,
    DynamicConv,
    DynamicSplitConv,
    ConvUnit,
    GlobalContext,
    IterativeHead,
    KernelAggregation,
    KernelAttention,
    MemoryOrderPool,
    WindowPool,
    ConvModule,
    DepthwiseSeparableConvModule,
}


def fuse_stem(stem: DiteStem) -> 'FusedStem | None':
    """Return the fused form of a stem; None where a layer has none."""
    return FusedStem(stem) if is_published(stem) else None


def fuse_module(module: DiteModule) -> 'FusedModule | None':
    """Return the fused form of blocks and exchange; None where a layer has none."""
    return FusedModule(module) if is_published(module) else None


def fuse_unit(unit: DepthwisePointwise) -> 'FusedUnit | None':
    """Return the fused form of a transition; None where a layer has none."""
    return FusedUnit(unit) if is_published(unit) else None


def fuse_head(head: IterativeHead) -> 'FusedHead | None':
    """Return the fused form of an iterative head; None where a layer has none."""
    return FusedHead(head) if is_published(head) else None


def is_published(module: nn.Module) -> bool:
    """Tell whether all layers are the published ones, with 2-D convolutions and batch norms."""
    if not consists_of(module, _PARTS):
        return False
    for child in module.modules():
        if not child._parameters or isinstance(child, KernelAggregation):
            continue
        if isinstance(child, _BatchNorm):
            if child.running_mean is None:
                return False
        elif not (type(child) is nn.Conv2d and child.padding_mode == 'zeros'):
            return False
    return True


class FusedStem(nn.Module):
    """Stem on one mixing of the kernels of both its first dynamic convolutions.

    Args:
        stem: Stem of the published form.
    """

    def __init__(self, stem: DiteStem) -> None:
        super().__init__()
        self.conv1 = fold_conv_bn(stem.conv1.conv, stem.conv1.bn)
        first = [stem.branch1[0], stem.branch2[0]]
        self.mixer = KernelMixer([[unit] for unit in first], [3, 3])
        self.convs = nn.ModuleList(
            DynamicDepthwise([unit], 3, unit.conv.aggregation.stride[0]) for unit in first
        )
        self.context1, self.context2 = (
            GlobalContexts([branch[1]]) for branch in (stem.branch1, stem.branch2)
        )
        self.expand1 = DynamicPointwise(stem.branch1[2])
        self.squeeze2, self.expand2 = (DynamicPointwise(stem.branch2[i]) for i in (2, 3))
        last = stem.branch2[4]
        self.mixer2, self.conv2 = KernelMixer([[last]], [3]), DynamicDepthwise([last], 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, in_channels, H, W) to (B, C, H / 4, W / 4)."""
        x = to_channels_last(self.conv1(x.contiguous(memory_format=torch.channels_last)).relu_())
        kernels = self.mixer(x.mean((1, 2)))
        left, right = (
            conv(half, kernel)
            for conv, half, kernel in zip(self.convs, x.chunk(2, dim=3), kernels, strict=True)
        )
        left = self.expand1(*self.context1([left]))
        right = self.expand2(self.squeeze2(*self.context2([right])))
        (kernels,) = self.mixer2(right.mean((1, 2)))
        right = self.conv2(right, kernels).relu_()
        return to_channels_first(interleave(left, right))


def _fold_unit(unit: nn.Sequential, factor: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Return depthwise kernel, pointwise weight (O, I) and bias of a unit, float64.

    Args:
        unit: Depthwise convolution, norm, 1x1 convolution, norm.
        factor: By which the result is multiplied.
    """
    depthwise, norm1, pointwise, norm2 = list(unit)[:4]
    kernel, shift = scale_depthwise(depthwise, norm1)
    weight, bias = fold_pointwise(pointwise, norm2, shift)
    return kernel, factor * weight, factor * bias


class FusedUnit(nn.Module):
    """Depthwise and pointwise convolution on maps (B, C, H, W).

    Exact: the shift of the first norm is the same everywhere and added after the zero padding, so
    it goes through the 1x1 convolution into the bias there.

    Args:
        unit: Depthwise convolution, norm, 1x1 convolution, norm, and a ReLU if there is a fifth.
    """

    def __init__(self, unit: nn.Sequential) -> None:
        super().__init__()
        kernel, weight, bias = _fold_unit(unit)
        self.depthwise = Depthwise(kernel, unit[0].weight, unit[0].stride[0])
        self.pointwise = Pointwise(weight, bias, unit[0].weight, with_relu=len(unit) > 4)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, I, H, W) to (B, O, H / stride, W / stride)."""
        return to_channels_first(self.pointwise(self.depthwise(to_channels_last(x))))


class FusedHead(nn.Module):
    """Iterative head.

    Args:
        head: Head of the published form.
    """

    def __init__(self, head: IterativeHead) -> None:
        super().__init__()
        units = []
        for project in head.projects:
            parts = (project.depthwise_conv, project.pointwise_conv)
            layers = [layer for part in parts for layer in (part.conv, part.norm)]
            units.append(FusedUnit(nn.Sequential(*layers, nn.ReLU())))
        self.projects = nn.ModuleList(units)

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        """Map all branches, (B, C_i, H_i, W_i) each, to one map (B, C_0, H_0, W_0)."""
        joined = None
        for x, project in zip(branches[::-1], self.projects, strict=True):
            if joined is not None:
                x = F.interpolate(joined, x.shape[2:], mode='bilinear', align_corners=True) + x
            joined = project(x)
        return joined


class _DownPaths(nn.Module):
    """Paths from one branch to all smaller ones, up to what their last 1x1 convolutions read.

    The first depthwise convolutions of all paths are one, so that the map is read once.

    Args:
        paths: Units of each path, towards ever smaller branches.
    """

    def __init__(self, paths: Sequence[nn.Sequential]) -> None:
        super().__init__()
        like = paths[0][0][0].weight
        self.num_paths = len(paths)
        self.first = Depthwise(torch.cat([_fold_unit(path[0])[0] for path in paths]), like, 2)
        self.rest = nn.ModuleList()
        for path in paths:
            steps: list[nn.Module] = []
            for unit, following in pairwise(path):
                _, weight, bias = _fold_unit(unit)
                steps.append(Pointwise(weight, bias, like, with_relu=True))
                steps.append(Depthwise(_fold_unit(following)[0], like, 2))
            self.rest.append(nn.Sequential(*steps))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (B, H, W, C) to (B, H / 2, W / 2, C), (B, H / 4, W / 4, C) and so on."""
        maps = self.first(join([x] * self.num_paths)).chunk(self.num_paths, dim=3)
        return [steps(part) for part, steps in zip(maps, self.rest, strict=True)]


class Exchange(nn.Module):
    """Sum of all branches at every resolution, on maps (B, H_i, W_i, C_i).

    Exact: 1x1 convolutions that leave one branch upwards are one, those that arrive at one branch
    from above too, because a sum of products is a product of the joint inputs; a factor of 2 lies
    in their weights; nearest enlargement in two steps equals that in one.

    Args:
        layers: ``layers[i][j]`` leads from branch j to branch i.
        legacy: Whether branch 0 counts twice, and smaller branches receive it after its own sum.
    """

    def __init__(self, layers: Sequence[Sequence[nn.Sequential]], legacy: bool) -> None:
        super().__init__()
        self.legacy = legacy
        branches = range(len(layers))
        self.ups = nn.ModuleList(_join_ups([layers[i][j] for i in range(j)]) for j in branches[1:])
        self.widths = [layers[i][-1][0].out_channels for i in branches[:-1]]
        self.downs = nn.ModuleList(
            _DownPaths([layers[i][j] for i in branches[j + 1 :]]) for j in branches[:-1]
        )
        self.arrivals = nn.ModuleList(
            _join_arrivals([layers[i][j][-1] for j in range(i)], legacy) for i in branches[1:]
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches to the same shapes."""
        from_below = self._sum_upwards(maps)
        first = add_enlarged(maps[0], from_below[0], alpha=2 if self.legacy else 1).relu_()
        arriving: list[list[Tensor]] = [[] for _ in maps]
        for j, paths in enumerate(self.downs):
            source = first if self.legacy and j == 0 else maps[j]
            for part, entry in zip(paths(source), arriving[j + 1 :], strict=True):
                entry.append(part)
        totals = [first]
        for i, unit in enumerate(self.arrivals, 1):
            total = unit(join(arriving[i])).add_(maps[i])
            if i < len(from_below):
                total = add_enlarged(total, from_below[i])
            totals.append(total.relu_())
        return totals

    def _sum_upwards(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return for every branch but the last what all smaller ones send, at half its size."""
        sums: list[Tensor] = []
        for j in range(len(maps) - 1, 0, -1):
            sent = self.ups[j - 1](maps[j]).split(self.widths[:j], dim=3)
            # What came from further below is for branches 0 to j - 1 and for branch j itself.
            enlarged = [add_enlarged(*pair) for pair in zip(sent, sums, strict=False)]
            sums = [*(enlarged or sent), *sums[j:]]
        return sums


def _join_ups(paths: Sequence[nn.Sequential]) -> Pointwise:
    """Make one convolution of those that leave a branch for the larger ones."""
    weights, biases = zip(*(fold_pointwise(path[0], path[1]) for path in paths), strict=True)
    return Pointwise(torch.cat(weights), torch.cat(biases), paths[0][0].weight)


def _join_arrivals(units: Sequence[nn.Sequential], legacy: bool) -> Pointwise:
    """Make one convolution of the last ones of all paths to a branch, that from branch 0 first."""
    factors = [2 if legacy and j == 0 else 1 for j in range(len(units))]
    _, weights, biases = zip(*map(_fold_unit, units, factors), strict=True)
    return Pointwise(torch.cat(weights, dim=1), sum(biases), units[0][0].weight)


class FusedModule(nn.Module):
    """Blocks and exchange of a module on maps (B, C_i, H_i, W_i).

    Args:
        module: Module of the published form.
    """

    def __init__(self, module: DiteModule) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(FusedBlock(block) for block in module.layers))
        self.exchange = nn.Identity()
        if module.with_fuse:
            self.exchange = Exchange(module.fuse_layers, module.fuse_mode == 'legacy')

    def forward(self, branches: Sequence[Tensor]) -> list[Tensor]:
        """Map all branches to the same shapes."""
        maps = self.exchange(self.blocks([to_channels_last(x) for x in branches]))
        return [to_channels_first(x) for x in maps]
