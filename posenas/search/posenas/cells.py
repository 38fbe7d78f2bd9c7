"""Cells of PoseNAS whose edges hold all candidate operations."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from posenas.genotype import Cell
from posenas.models.layers.cells import merge_states, run_cell
from posenas.models.layers.mixed_op import MixedOp, split_shares
from posenas.models.layers.posenas.cells import (
    make_coarse_input,
    make_lateral_input,
    split_channels,
)
from posenas.models.layers.posenas.fusion import FusionStage, Maps
from posenas.registry import POSENAS_OPERATIONS
from posenas.search.posenas.space import CellGroup, PoseNASSpace
from posenas.search.relaxation import Mix


class SearchCell(nn.Module):
    """A cell in which every node reads all states before it through all candidates.

    Args:
        cell: Graph with every edge; see :meth:`CellGroup.graph`.
        channels: Width C of all states.
        preprocess0: Turns the first input into state 0; an :class:`InputChoice` where it has
            several maps to read.
        preprocess1: Turns the second input into state 1, likewise.
        norm_cfg: Norm of the operations.
        se_ratio: Bottleneck of channel attention; None has none.
        groups: Key of a group -> its candidates; the cell belongs to the one of its kind.
        num_shares: Divides the channels that operations see; see :class:`MixedOp`.
        key: Group of the cell, where its kind does not say it.
    """

    def __init__(
        self,
        cell: Cell,
        channels: int,
        preprocess0: nn.Module,
        preprocess1: nn.Module,
        norm_cfg: dict | None,
        se_ratio: int | None,
        groups: dict[str, CellGroup],
        num_shares: int = 1,
        key: str | None = None,
    ) -> None:
        super().__init__()
        self.cell, self.key = cell, key or cell.kind
        self.preprocess0, self.preprocess1 = preprocess0, preprocess1
        group, width = groups[self.key], split_shares(channels, num_shares)
        self._ops = nn.ModuleList()
        for _, source in group.edges:
            stride = group.stride(source)
            candidates = {
                column: _make_candidate(name, width, stride, norm_cfg, se_ratio)
                for column, name in enumerate(group.operations)
                if group.is_legal(source, name)
            }
            self._ops.append(MixedOp(candidates, stride, num_shares))

    def forward(self, first: Maps, second: Maps, mix: Mix) -> Tensor:
        """Compute the output from the two inputs.

        Args:
            first: Output of the cell before the previous one, or the coarser map or maps.
            second: Output of the previous cell, or the lateral map or maps.
            mix: What the cells of the group do.

        Returns:
            (B, 4 * C, H, W) of the size of the states.
        """
        inputs = (
            _prepare(self.preprocess0, first, mix.inputs[:1]),
            _prepare(self.preprocess1, second, mix.inputs[1:]),
        )
        sources: list[list[int]] = []
        edges: list[Callable[[Tensor], Tensor]] = []
        numbers = iter(range(len(self._ops)))
        for node in self.cell.sources:
            kept = [(i, source) for source in node if mix.columns[i := next(numbers)]]
            sources.append([source for _, source in kept])
            edges += [partial(self._run_edge, i, mix) for i, _ in kept]
        states = run_cell(inputs, sources, edges)
        return merge_states(states, self.cell.output, self.cell.merge)

    def _run_edge(self, i: int, mix: Mix, x: Tensor) -> Tensor:
        weights = None if mix.operations is None else mix.operations[i]
        y = self._ops[i](x, weights, mix.columns[i])
        if mix.skip:
            y = y + mix.skip * (x if self._ops[i].stride == 1 else avg_pool2d(x, 2))
        return y if mix.edges is None else mix.edges[i] * y


class InputChoice(nn.Module):
    """Weighted sum of what several maps become.

    Args:
        sources: For each map what gives it the size and channels of the state.
    """

    def __init__(self, sources: Sequence[nn.Module]) -> None:
        super().__init__()
        self.sources = nn.ModuleList(sources)

    def forward(
        self, maps: Sequence[Tensor], weights: Tensor | None, columns: Sequence[int]
    ) -> Tensor:
        """Mix the maps.

        Args:
            maps: Candidates, of any size and channels.
            weights: One for each, (N,); None weighs each 1.
            columns: Those that are read.

        Returns:
            (B, C, H, W).
        """
        terms = [
            self.sources[j](maps[j]) if weights is None else weights[j] * self.sources[j](maps[j])
            for j in columns
        ]
        return sum(terms[1:], start=terms[0])


def make_search_stage(
    channels: Sequence[int],
    space: PoseNASSpace,
    norm_cfg: dict,
    **settings: object,
) -> FusionStage:
    """Make the decoder of one stage.

    Args:
        channels: Channels of the maps, the finest first.
        space: What its cells may be.
        norm_cfg: Norm of the cells.
        **settings: Further arguments of :class:`SearchCell`.
    """
    cells, sources = [], []
    for number, group in enumerate(space.groups[2:], 1):
        level = 3 - number
        graph = group.graph
        width = split_channels(graph, channels[level])
        coarse, lateral = space.source_levels(number)
        first = [make_coarse_input(channels[k], width, k - level, norm_cfg) for k in coarse]
        second = [make_lateral_input(channels[k], width, level - k, norm_cfg) for k in lateral]
        cells.append(
            SearchCell(
                graph,
                width,
                InputChoice(first) if space.dense_fusion else first[0],
                InputChoice(second) if space.dense_fusion else second[0],
                norm_cfg,
                key=group.key,
                **settings,
            )
        )
        sources.append((coarse, lateral) if space.dense_fusion else (coarse[0], lateral[0]))
    return FusionStage(cells, sources)


def _make_candidate(
    name: str, channels: int, stride: int, norm_cfg: dict | None, se_ratio: int | None
) -> nn.Module:
    """Make an operation; skip connections are dropped now and then where a search says so."""
    if name == 'skip_connect' and stride == 1:
        return nn.Dropout(0.0)
    return POSENAS_OPERATIONS.get(name)(channels, stride, norm_cfg, se_ratio)


def _prepare(preprocess: nn.Module, maps: Maps, choice: tuple) -> Tensor:
    return preprocess(maps, *choice[0]) if choice else preprocess(maps)
