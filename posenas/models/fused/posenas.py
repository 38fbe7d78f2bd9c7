"""Fused form of PoseNAS cells: the same function by fewer and larger operations.

The convolutions that meet in a node become one convolution of the concatenated states, the ReLU of
a state is computed once, and fusion cells project before they enlarge. Weights belong into
``channels_last`` memory, where such convolutions are faster on a CPU.
"""

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.genotype import Edge
from posenas.models.fused.folding import bn_scale_shift, can_fold, fold_conv_bn
from posenas.models.layers.cells import merge_states
from posenas.models.layers.posenas.cells import PoseNASCell
from posenas.models.layers.posenas.operations import FactorizedReduce, ReLUConvBN


def fuse_cell(cell: PoseNASCell) -> 'FusedCell':
    """Return the same cell in fewer operations."""
    return FusedCell(deepcopy(cell)).to(memory_format=torch.channels_last)


@torch.no_grad()
def fuse_factorized_reduce(module: FactorizedReduce) -> FactorizedReduce | None:
    """Return a copy whose convolutions have taken in the norm; None for other norms."""
    if not isinstance(module.bn, _BatchNorm) or module.bn.running_mean is None:
        return None
    form = deepcopy(module).requires_grad_(False)
    form.bn = nn.Identity()
    scale, shift = bn_scale_shift(module.bn)
    convs = form.conv1, form.conv2
    widths = [conv.out_channels for conv in convs]  # a pruned one has different halves
    for conv, factor, bias in zip(convs, scale.split(widths), shift.split(widths), strict=True):
        conv.weight.copy_(conv.weight.double() * factor.view(-1, 1, 1, 1))
        conv.bias = nn.Parameter(bias.to(conv.weight.dtype), requires_grad=False)
    return form


class FusedCell(nn.Module):
    """A cell for inference, made of the parts of another one.

    Args:
        cell: Cell in evaluation mode, not used afterwards.
    """

    def __init__(self, cell: PoseNASCell) -> None:
        super().__init__()
        self.output, self.merge = cell.cell.output, cell.cell.merge
        self.preprocess0, self.preprocess1 = cell.preprocess0, cell.preprocess1
        if type(cell.preprocess0) is nn.Sequential:  # of a fusion cell
            enlarge, project = cell.preprocess0
            self.preprocess0 = nn.Sequential(project, enlarge)
        operations = iter(cell._ops)
        self.nodes = nn.ModuleList(
            FusedNode(edges, [next(operations) for _ in edges]) for edges in cell.cell.nodes
        )
        self._rectified = {i for node in self.nodes for group in node.conv_sources for i in group}

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Compute what the original computes; see :meth:`PoseNASCell.forward`."""
        states = [self.preprocess0(first), self.preprocess1(second)]
        rectified = [self._rectify(i, state) for i, state in enumerate(states)]
        for i, node in enumerate(self.nodes, len(states)):
            states.append(node(states, rectified))
            rectified.append(self._rectify(i, states[i]))
        return merge_states(states, self.output, self.merge)

    def _rectify(self, i: int, state: Tensor) -> Tensor | None:
        """Return the ReLU of state ``i`` if a convolution reads it."""
        return state.relu() if i in self._rectified else None


class FusedNode(nn.Module):
    """The sum over the edges of one node.

    Args:
        edges: Its edges.
        operations: What they do in the original cell.
    """

    def __init__(self, edges: Sequence[Edge], operations: Sequence[nn.Module]) -> None:
        super().__init__()
        alike: dict[tuple, list[tuple[int, nn.Conv2d]]] = defaultdict(list)
        others = []
        for edge, operation in zip(edges, operations, strict=True):
            if type(operation) is ReLUConvBN and can_fold(*operation.net[1:]):
                conv = fold_conv_bn(*operation.net[1:])
                alike[conv.kernel_size, conv.stride, conv.dilation].append((edge.source, conv))
            else:
                others.append((edge.source, operation))
        groups = [tuple(zip(*group, strict=True)) for group in alike.values()]
        self.conv_sources = tuple(sources for sources, _ in groups)
        self.convs = nn.ModuleList(sum_convolutions(convs) for _, convs in groups)
        self.other_sources = tuple(source for source, _ in others)
        self.others = nn.ModuleList(operation for _, operation in others)

    def forward(self, states: Sequence[Tensor], rectified: Sequence[Tensor | None]) -> Tensor:
        """Compute the state (B, C, H, W) of the node.

        Args:
            states: States before it.
            rectified: Their ReLU where a convolution reads it.
        """
        terms = [
            conv(_concatenate([rectified[i] for i in sources]))
            for sources, conv in zip(self.conv_sources, self.convs, strict=True)
        ]
        terms += [
            operation(states[i])
            for i, operation in zip(self.other_sources, self.others, strict=True)
        ]
        return sum(terms[1:], start=terms[0])


@torch.no_grad()
def sum_convolutions(convs: Sequence[nn.Conv2d]) -> nn.Conv2d:
    """Make one convolution of concatenated inputs that adds up what ``convs`` make of each.

    Args:
        convs: Convolutions of one form, with bias and without groups.
    """
    one = convs[0]
    summed = nn.Conv2d(
        sum(conv.in_channels for conv in convs),
        one.out_channels,
        one.kernel_size,
        stride=one.stride,
        padding=one.padding,
        dilation=one.dilation,
        device=one.weight.device,
        dtype=one.weight.dtype,
    ).requires_grad_(False)
    summed.weight.copy_(torch.cat([conv.weight for conv in convs], dim=1))
    summed.bias.copy_(torch.stack([conv.bias for conv in convs]).double().sum(0))
    return summed


def _concatenate(states: list[Tensor]) -> Tensor:
    return states[0] if len(states) == 1 else torch.cat(states, dim=1)
