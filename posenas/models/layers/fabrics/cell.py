"""Cells of a neural fabric and the adaptors that bring maps of other scales to theirs."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import log

import torch
from torch import Tensor, nn

from posenas.genotype.fabrics.plan import SLOTS, CellPlan
from posenas.models.layers.cells import dense_sources, run_cell
from posenas.models.layers.mixed_op import MixedOp
from posenas.registry import CNF_OPERATORS
from posenas.utils import ConfigError


class FineAdaptor(nn.Module):
    """Halve a map of the next finer scale and double its channels.

    Args:
        channels: Channels C of the result.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.operation = nn.Sequential(
            nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C / 2, 2 H, 2 W) to (B, C, H, W)."""
        return self.operation(x)


class CoarseAdaptor(nn.Module):
    """Halve the channels of a map of the next coarser scale and double its size.

    Args:
        channels: Channels C of the result.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_1x1 = nn.Conv2d(2 * channels, channels, 1)
        self.bn = nn.BatchNorm2d(channels)
        self.enlarge = nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 2 C, H / 2, W / 2) to (B, C, H, W)."""
        return self.enlarge(self.bn(self.conv_1x1(x)))


class FabricCell(nn.Module):
    """One cell: mix its inputs, run a small graph of mixed operators, join the hidden states.

    Yang et al., Pose Neural Fabrics Search, 2019. A cell planned with weights holds them itself.

    Args:
        plan: What the cell reads and which operators its edges have.
        channels: Channels C of its scale.
        hidden_states: Hidden states of the graph.
        dead_edges: Edges that are built but never run, for weights of networks that had them.
        finetune_arch: Whether the weights of the plan become logits that are trained on.
    """

    def __init__(
        self,
        plan: CellPlan,
        channels: int,
        hidden_states: int,
        dead_edges: int = 0,
        finetune_arch: bool = False,
    ) -> None:
        super().__init__()
        self.sources = dense_sources(1, hidden_states)
        edges = (*plan.edges, *plan.edges[:1] * dead_edges)
        # The published names: cell_arch, propress_list, channel_keep.
        self.cell_arch = nn.ModuleList(_build_edge(edge, channels) for edge in edges)
        self.cell_arch[len(plan.edges) :].requires_grad_(False)
        self.propress_list = nn.ModuleDict(
            {
                str(SLOTS.index(slot)): _build_adaptor(source - plan.scale, channels)
                for slot, source in plan.sources.items()
            }
        )
        self.channel_keep = nn.Conv2d(hidden_states * channels, channels, 1)
        if plan.input_weight is not None:
            for name, rows in (('input', [plan.input_weight]), ('edge', plan.edge_weight)):
                self._add_weight(name, rows, finetune_arch)

    def _add_weight(self, name: str, rows: Sequence[Sequence[float]], finetune_arch: bool) -> None:
        """Hold weights (R, N) that are fixed, or the logarithms of those above 0 as parameters."""
        self.register_buffer(f'{name}_weight', torch.tensor(rows), persistent=False)
        flat = [weight for row in rows for weight in row]
        kept = [i for i, weight in enumerate(flat) if weight > 0]
        self.register_buffer(f'{name}_kept', torch.tensor(kept, dtype=torch.long), persistent=False)
        logits = torch.tensor([log(flat[i]) for i in kept])
        self.register_parameter(f'{name}_logit', nn.Parameter(logits) if finetune_arch else None)

    def _read_weight(self, name: str) -> Tensor:
        """Return weights (R, N); trained ones are a softmax that keeps the sum of each row."""
        weight, logit = getattr(self, f'{name}_weight'), getattr(self, f'{name}_logit')
        if logit is None:
            return weight
        full = torch.full_like(weight, float('-inf')).flatten()
        full = full.index_copy(0, getattr(self, f'{name}_kept'), logit).view_as(weight)
        return full.softmax(dim=-1).nan_to_num() * weight.sum(dim=-1, keepdim=True)

    def own_weights(self) -> tuple[Tensor, Tensor]:
        """Return the weights of the plan: of the slots (3,) and of the operators (E, O)."""
        return self._read_weight('input')[0], self._read_weight('edge')

    def forward(
        self, maps: Sequence[Tensor | None], input_weights: Tensor, edge_weights: Tensor
    ) -> Tensor:
        """Compute the cell.

        Args:
            maps: What the slots 'parallel', 'above', 'below' read; only slots that were kept are
                looked at.
            input_weights: Factors of the slots, (3,).
            edge_weights: Factors of the operators on each edge, (E, O).

        Returns:
            Map (B, C, H, W).
        """
        terms = [
            input_weights[int(slot)] * adaptor(maps[int(slot)])
            for slot, adaptor in self.propress_list.items()
        ]
        node = torch.relu(sum(terms[1:], start=terms[0]))
        edges = [
            partial(edge, weights=weights)
            for edge, weights in zip(self.cell_arch, edge_weights, strict=False)  # not dead edges
        ]
        hidden = run_cell([node], self.sources, edges)[1:]
        return self.channel_keep(hidden[0] if len(hidden) == 1 else torch.cat(hidden, dim=1))


def _build_edge(operators: Mapping[int, str], channels: int) -> MixedOp:
    unknown = [name for name in operators.values() if CNF_OPERATORS.get(name) is None]
    if unknown:
        known = sorted(CNF_OPERATORS.module_dict)
        raise ConfigError(f'operators must be out of {known}, got {unknown[0]!r}')
    return MixedOp({i: CNF_OPERATORS.get(name)(channels) for i, name in operators.items()})


def _build_adaptor(step: int, channels: int) -> nn.Module:
    """Make the adaptor for a map ``step`` scales coarser than the cell."""
    if step == 0:
        return nn.Identity()
    return FineAdaptor(channels) if step < 0 else CoarseAdaptor(channels)
