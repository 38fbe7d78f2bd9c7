"""Which cells a neural fabric has, what each of them reads and with which weights.

Plain data: the modules follow it, and so does whatever must know a fabric without building it.
Scale i is the map with the (i + 1)-th of the strides; layer j reads the maps of layer j - 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from posenas.utils import ConfigError

#: Inputs of a cell: the map of its scale, of the next finer and of the next coarser one.
SLOTS = ('parallel', 'above', 'below')


@dataclass(frozen=True)
class CellPlan:
    """One cell.

    Attributes:
        layer: Layer j.
        scale: Scale i, 0 the finest.
        sources: Slot -> scale of the map that it reads. At the border of the fabric a slot without
            a map of its own reads that of 'parallel', through an adaptor and weight of its own.
        edges: For each edge the operators by their column; pruned ones and ``Zero`` are missing.
        input_weight: Weights (3,) of the slots; None while they are searched.
        edge_weight: Weights (E, O) of the operators; None while they are searched.
    """

    layer: int
    scale: int
    sources: Mapping[str, int]
    edges: tuple[Mapping[int, str], ...]
    input_weight: tuple[float, ...] | None = None
    edge_weight: tuple[tuple[float, ...], ...] | None = None

    @property
    def name(self) -> str:
        """The end of the names of the module and of the cell in a genotype."""
        return f'{self.layer}_{self.scale}'


@dataclass(frozen=True)
class FabricPlan:
    """A fabric, or the layers of it that are built.

    Attributes:
        depth: Layers of the whole fabric.
        operators: Candidate operators, the columns of the mixing weights.
        num_levels: Number of maps handed in; they have the first scales.
        size_types: Stride of each scale.
        factor: Channels of a scale divided by its stride.
        hidden_states: Hidden states of a cell.
        layers: Cells of the unpruned fabric in each layer that is built; None where pruned.
        input_gain: Factor of the mixed slots: equal weights make a plain sum.
        op_gain: Factor of the mixed operators.
    """

    depth: int
    operators: tuple[str, ...]
    num_levels: int
    size_types: tuple[int, ...]
    factor: int
    hidden_states: int
    layers: tuple[tuple[CellPlan | None, ...], ...]
    input_gain: float
    op_gain: float

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each scale."""
        return tuple(stride * self.factor for stride in self.size_types)

    @property
    def cells(self) -> tuple[CellPlan, ...]:
        """The cells that were not pruned, layer by layer."""
        return tuple(cell for layer in self.layers for cell in layer if cell is not None)

    @property
    def first_layer(self) -> int:
        """Layer C that is built first."""
        return min(cell.layer - i for i, layer in enumerate(self.layers) for cell in layer if cell)

    @property
    def num_cells(self) -> int:
        """Cells of the unpruned fabric."""
        return sum(map(len, self.layers))

    @property
    def num_edges(self) -> int:
        """Edges of a cell: every hidden state reads all states before it."""
        return self.hidden_states * (self.hidden_states + 1) // 2

    @property
    def levels_read(self) -> frozenset[int]:
        """Those of the maps handed in that some cell reads."""
        cells = [cell for cell in self.layers[0] if cell is not None]
        return frozenset(source for cell in cells for source in cell.sources.values())

    @property
    def stride(self) -> int:
        """Stride of the coarsest map that is read or made; sides of images are multiples of it."""
        made = {cell.scale for cell in self.cells}
        return self.size_types[max(made | self.levels_read)]

    def fits(self, num_levels: int) -> bool:
        """Tell whether another number of maps handed in would be wired in the same way."""
        return num_levels == self.num_levels or min(num_levels, self.num_levels) > len(
            self.layers[0]
        )


def count_cells(layer: int, depth: int, num_scales: int) -> int:
    """Count the cells of a layer: one scale more per layer, then all, in the end one less."""
    return min(layer + 2, num_scales, depth - layer)


def plan_fabric(
    depth: int,
    operators: Sequence[str],
    cut_layers: int = 0,
    reserve_layers: int | None = None,
    num_levels: int | None = None,
    size_types: Sequence[int] = (4, 8, 16, 32),
    factor: int = 16,
    hidden_states: int = 1,
) -> FabricPlan:
    """Derive the wiring of a fabric from the number of maps that it is given.

    Args:
        depth: Layers D of the whole fabric.
        operators: Candidate operators, in the order of the mixing weights.
        cut_layers: First layer C that is built; the maps handed in take the place of those before.
        reserve_layers: First layer that is not built any more; None builds all D.
        num_levels: Maps handed in, P; None takes as many as layer C - 1 has cells, one if C is 0.
        size_types: Strides of the scales; each is twice the one before.
        factor: Channels of a scale divided by its stride.
        hidden_states: Hidden states of a cell.

    Returns:
        The whole fabric, whose weights are searched.

    Raises:
        ConfigError: There are no such layers, or the maps do not reach the cells.
    """
    _check_scales(size_types, factor, hidden_states, operators)
    stop = depth if reserve_layers is None else reserve_layers
    if not 0 <= cut_layers < stop <= depth:
        raise ConfigError(
            'a fabric must be built from layer cut_layers >= 0 to a later one of its depth = '
            f'{depth}, got cut_layers={cut_layers} and reserve_layers={reserve_layers}'
        )
    counts = [count_cells(layer, depth, len(size_types)) for layer in range(cut_layers, stop)]
    if num_levels is None:
        num_levels = count_cells(cut_layers - 1, depth, len(size_types)) if cut_layers else 1
    if not max(counts[0] - 1, 1) <= num_levels <= len(size_types):
        raise ConfigError(
            f'layer {cut_layers} of a fabric of depth {depth} has {counts[0]} cells, so there must '
            f'be {max(counts[0] - 1, 1)} to {len(size_types)} pyramid levels, got {num_levels}: '
            'change cut_layers, or the number of levels that the backbone returns'
        )
    edges = _plan_edges(operators, hidden_states)
    layers = tuple(
        tuple(CellPlan(layer, i, _wire(i, before), edges) for i in range(count))
        for layer, (before, count) in enumerate(pairwise([num_levels, *counts]), cut_layers)
    )
    return FabricPlan(
        depth=depth,
        operators=tuple(operators),
        num_levels=num_levels,
        size_types=tuple(size_types),
        factor=factor,
        hidden_states=hidden_states,
        layers=layers,
        input_gain=float(len(SLOTS)),
        op_gain=float(len(operators)),
    )


def _check_scales(
    size_types: Sequence[int], factor: int, hidden_states: int, operators: Sequence[str]
) -> None:
    if any(coarse != 2 * fine for fine, coarse in pairwise(size_types)) or not size_types:
        raise ConfigError(f'each of size_types must be twice the one before, got {size_types}')
    if factor < 1 or hidden_states < 1 or not operators:
        raise ConfigError(
            'factor and hidden_states must be at least 1 and there must be operators, got '
            f'{factor}, {hidden_states} and {list(operators)}'
        )


def _wire(scale: int, num_maps: int) -> dict[str, int]:
    """Say which of ``num_maps`` maps each slot of a cell reads."""
    parallel = min(scale, num_maps - 1)  # a new coarsest scale starts from the one before it
    above = scale - 1 if scale > 0 else parallel
    below = scale + 1 if scale < num_maps - 1 else parallel
    return dict(zip(SLOTS, (parallel, above, below), strict=True))


def _plan_edges(operators: Sequence[str], hidden_states: int) -> tuple[dict[int, str], ...]:
    """Give all operators to every edge but ``Zero``, which adds nothing."""
    columns = {column: name for column, name in enumerate(operators) if name != 'Zero'}
    return (columns,) * (hidden_states * (hidden_states + 1) // 2)
