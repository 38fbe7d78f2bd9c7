"""Cells of PoseNAS: which two states each node reads and what it does with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray

from posenas.genotype import (
    POSENAS_LIGHT_OPERATIONS,
    POSENAS_OPERATIONS,
    ROLES,
    UNSTRIDED_OPERATIONS,
    Cell,
    Edge,
    Genotype,
)
from posenas.registry import TASK_UTILS
from posenas.search.space import Arch, Choice, SearchSpace
from posenas.utils import ConfigError

_PUBLISHED = tuple(op for op in POSENAS_OPERATIONS if op not in POSENAS_LIGHT_OPERATIONS)
#: Candidates of encoder cells, in the order of their architecture parameters.
ENCODER_OPERATIONS = tuple(op for op in _PUBLISHED if op not in UNSTRIDED_OPERATIONS)
#: Candidates of fusion cells, likewise.
DECODER_OPERATIONS = tuple(op for op in _PUBLISHED if op != 'max_pool_3x3')
_NUM_INPUTS = 2
_NUM_NODES = 4
_EDGES_PER_NODE = 2
_STRIDED = 2
#: From the cheapest to the most expensive; the order of options.
_BY_COST = (
    'skip_connect',
    'avg_pool_3x3',
    'max_pool_3x3',
    'spatial_wise',
    'se_connect',
    'std_conv_1x1',
    'dw_conv_3x3',
    'dw_conv_5x5',
    'dw_conv_7x7',
    'grp_conv_3x3',
    'dil_conv_3x3_4',
    'dil_conv_3x3_2',
    'std_conv_3x3',
)


@dataclass(frozen=True)
class CellGroup:
    """Cells that share one graph.

    Attributes:
        name: Name of the cell in a genotype.
        kind: 'normal', 'reduce' or 'fusion'.
        operations: Candidates, 'none' among them.
        strided_attention: Whether attention may halve the size, after a pooling.
    """

    name: str
    kind: str
    operations: tuple[str, ...]
    strided_attention: bool = False

    @property
    def key(self) -> str:
        """Short name, such as 'normal' or 'fuse1'; the name of its architecture parameters."""
        return self.name.rpartition('.')[2]

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """Node and source of every possible edge, node by node, sources ascending."""
        nodes = range(_NUM_INPUTS, _NUM_INPUTS + _NUM_NODES)
        return tuple((node, source) for node in nodes for source in range(node))

    @property
    def graph(self) -> Cell:
        """Cell with every possible edge, none of which has an operation yet."""
        nodes = tuple(tuple(Edge(source) for source in range(node)) for node in _node_ids())
        return Cell(self.kind, ROLES[self.kind], nodes, tuple(_node_ids()))

    def stride(self, source: int) -> int:
        """Return the stride of the edges that read state ``source``."""
        return 2 if self.kind == 'reduce' and source < _NUM_INPUTS else 1

    def is_legal(self, source: int, operation: str) -> bool:
        """Tell whether an edge from ``source`` may do ``operation``."""
        can_halve = self.strided_attention or operation not in UNSTRIDED_OPERATIONS
        return can_halve or self.stride(source) == 1

    def kept_edges(self, arch: Arch) -> Iterator[tuple[str, int, int, str]]:
        """List the edges that ``arch`` keeps, node by node.

        Yields:
            Decision that says what the edge does, node, source, operation.
        """
        for node in _node_ids():
            prefix = f'{self.name}.{node}'
            sources = str(arch[f'{prefix}.sources']).split(',')
            for end, source in zip(('first', 'second'), sources, strict=True):
                name = f'{prefix}.{end}'
                yield name, node, int(source), str(arch[name])


@TASK_UTILS.register_module()
class PoseNASSpace(SearchSpace):
    """Five cells of four nodes; each node sums operations on two different states before it.

    Bao et al., Pose-native Network Architecture Search for Multi-person Human Pose Estimation, ACM
    MM 2020: one normal and one reduction cell for encoder and second round, one fusion cell for
    each size of the decoder. Which candidates the authors allowed where was not published; the
    released architecture lies in this space.

    Decisions: ``<cell>.<node>.sources`` names two states such as '0,2', ``<cell>.<node>.first`` and
    ``.second`` what is done with each; with ``dense_fusion`` also ``<fusion cell>.coarse`` and
    ``.lateral``, levels of the maps it reads.

    Args:
        encoder_ops: Candidates of encoder cells; 'none' is never kept.
        decoder_ops: Candidates of fusion cells.
        dense_fusion: Whether a fusion cell may read any coarser decoder map and any finer encoder
            map instead of the adjacent ones.
        strided_attention: Whether attention is a candidate of edges with stride 2 too, after a 2x2
            mean.
        macro: Sizes of the networks, entries of a genotype's ``macro``; what is missing is that of
            the published L18-C48.

    Raises:
        ConfigError: A candidate is unknown, or a cell has none that it may use everywhere.
    """

    def __init__(
        self,
        encoder_ops: Sequence[str] = ENCODER_OPERATIONS,
        decoder_ops: Sequence[str] = DECODER_OPERATIONS,
        dense_fusion: bool = False,
        strided_attention: bool = False,
        macro: Mapping | None = None,
    ) -> None:
        encoder, decoder = tuple(encoder_ops), tuple(decoder_ops)
        self.groups = (
            CellGroup('encoder.normal', 'normal', encoder),
            CellGroup('encoder.reduce', 'reduce', encoder, strided_attention),
            *(CellGroup(f'decoder.fuse{k}', 'fusion', decoder) for k in (1, 2, 3)),
        )
        for group in self.groups:
            _check_operations(group)
        self.dense_fusion = dense_fusion
        flags = dict(strided_attention=True) if strided_attention else {}
        self.macro = {**(macro or {}), **flags}
        self._decisions = tuple(self._list_decisions())

    @property
    def decisions(self) -> tuple[Choice, ...]:
        """What is decided: per node sources and operations, per fusion cell its maps."""
        return self._decisions

    def source_levels(self, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the levels that fusion cell ``number``, 1 to 3, may read: coarser and lateral.

        Level k has stride ``4 * 2**k``; the published choice comes first.
        """
        level = 3 - number
        if not self.dense_fusion:
            return (level + 1,), (level,)
        return tuple(range(level + 1, 4)), tuple(range(level, -1, -1))

    def repair(self, arch: Arch) -> Arch:
        """List the sources of each node in ascending order: the sum does not depend on it."""
        changes = {}
        for prefix in self._nodes():
            first, second = str(arch[f'{prefix}.sources']).split(',')
            if int(first) > int(second):
                changes[f'{prefix}.sources'] = f'{second},{first}'
                changes[f'{prefix}.first'] = arch[f'{prefix}.second']
                changes[f'{prefix}.second'] = arch[f'{prefix}.first']
        return arch | changes if changes else arch

    def contains(self, arch: Arch) -> str | None:
        """Say why ``arch`` lies outside, whatever the order of sources; None if it does not."""
        has_pairs = all(
            len(str(arch.get(f'{prefix}.sources', '')).split(',')) == _EDGES_PER_NODE
            for prefix in self._nodes()
        )
        return super().contains(self.repair(arch) if has_pairs else arch)

    def encode(self, arch: Arch) -> NDArray[np.float64]:
        """Write ``arch`` as one vector of one-hot options, whatever the order of sources."""
        return super().encode(self.repair(arch))

    def find_conflict(self, arch: Arch) -> str | None:
        """Say which operation cannot halve the size where it has to; None if all can."""
        for group in self.groups:
            for name, _, source, operation in group.kept_edges(arch):
                if not group.is_legal(source, operation):
                    return f'{name}: {operation} cannot halve the size of state {source}'
        return None

    def count(self) -> int:
        """Number of architectures, those that sum in another order counted once."""
        maps = [prod(map(len, self.source_levels(k))) for k in (1, 2, 3)]
        return prod(maps) * prod(_count_graphs(group) for group in self.groups)

    def extremes(self) -> tuple[Arch, Arch]:
        """Return the architectures with the fewest and with the most multiply-accumulates."""
        small = Arch({decision.name: decision.options[0] for decision in self.decisions})
        large = Arch({decision.name: decision.options[-1] for decision in self.decisions})
        changes = {}
        for group in self.groups:
            # with stride 2 a skip connection becomes a convolution and a pooling stays free
            pools = [o for o in _options(group) if o.endswith('pool_3x3')]
            for name, _, source, _ in group.kept_edges(small):
                if group.stride(source) == _STRIDED and pools:
                    changes[name] = pools[0]
        return self.repair(small | changes), self.repair(large)

    def to_genotype(self, arch: Arch) -> Genotype:
        """Write ``arch`` as a genotype; edges of a node keep the order of its sources.

        Raises:
            ConfigError: ``arch`` lies outside.
        """
        self.require(arch, 'an architecture must lie in the space')
        macro = dict(self.macro)
        if self.dense_fusion:
            names = [f'decoder.fuse{k}' for k in (1, 2, 3)]
            macro['sources'] = [[arch[f'{n}.coarse'], arch[f'{n}.lateral']] for n in names]
        cells = {group.name: _write_cell(group, arch) for group in self.groups}
        return Genotype('posenas', 'posenas-searched', self._describe(), macro, cells)

    def from_genotype(self, genotype: Genotype) -> Arch:
        """Find the architecture of a genotype, whatever its sizes.

        Raises:
            ConfigError: A cell is missing or does what no architecture here does.
        """
        cells = genotype.cells or {}
        values: dict[str, int | str] = {}
        for group in self.groups:
            if group.name not in cells or not _fits(cells[group.name], group):
                raise ConfigError(
                    f'{group.name} must be a {group.kind} cell of {_NUM_NODES} nodes that read two '
                    f'states each and are concatenated, got {cells.get(group.name)}'
                )
            for node, edges in enumerate(cells[group.name].nodes, _NUM_INPUTS):
                prefix = f'{group.name}.{node}'
                values[f'{prefix}.sources'] = ','.join(str(edge.source) for edge in edges)
                values[f'{prefix}.first'], values[f'{prefix}.second'] = (str(e.op) for e in edges)
        if self.dense_fusion:
            sources = genotype.macro.get('sources') or [(3, 2), (2, 1), (1, 0)]
            for k, (coarse, lateral) in enumerate(sources, 1):
                values[f'decoder.fuse{k}.coarse'] = coarse
                values[f'decoder.fuse{k}.lateral'] = lateral
        self.require(Arch(values), 'a genotype must lie in the space')
        return Arch(values)

    def _describe(self) -> dict:
        ops = dict(encoder=list(self.groups[0].operations), decoder=list(self.groups[2].operations))
        return dict(id='posenas-cells/1', steps=_NUM_NODES, num_inputs=_NUM_INPUTS, ops=ops)

    def _nodes(self) -> Iterator[str]:
        for group in self.groups:
            yield from (f'{group.name}.{node}' for node in _node_ids())

    def _list_decisions(self) -> Iterator[Choice]:
        for number, group in enumerate(self.groups, -1):
            if self.dense_fusion and group.kind == 'fusion':
                coarse, lateral = self.source_levels(number)
                yield Choice(f'{group.name}.coarse', coarse)
                yield Choice(f'{group.name}.lateral', lateral)
            for node in _node_ids():
                name = f'{group.name}.{node}'
                pairs = tuple(f'{a},{b}' for a, b in combinations(range(node), _EDGES_PER_NODE))
                yield Choice(f'{name}.sources', pairs, group=name)
                yield Choice(f'{name}.first', _options(group), group=name)
                yield Choice(f'{name}.second', _options(group), group=name)


def _node_ids() -> range:
    return range(_NUM_INPUTS, _NUM_INPUTS + _NUM_NODES)


def _options(group: CellGroup) -> tuple[str, ...]:
    """Return what a kept edge may do, from the cheapest on."""
    return tuple(name for name in _BY_COST if name in group.operations)


def _write_cell(group: CellGroup, arch: Arch) -> Cell:
    edges = [(operation, source) for _, _, source, operation in group.kept_edges(arch)]
    return Cell.from_tuples(group.kind, edges)


def _fits(cell: Cell, group: CellGroup) -> bool:
    return (
        cell.kind == group.kind
        and len(cell.nodes) == _NUM_NODES
        and all(len({edge.source for edge in node}) == len(node) == 2 for node in cell.nodes)
        and cell.merge == 'concat'
        and cell.output == tuple(_node_ids())
    )


def _count_graphs(group: CellGroup) -> int:
    """Count the graphs of one cell."""
    total = 1
    for node in _node_ids():
        legal = [sum(group.is_legal(s, o) for o in _options(group)) for s in range(node)]
        total *= sum(legal[a] * legal[b] for a, b in combinations(range(node), _EDGES_PER_NODE))
    return total


def _check_operations(group: CellGroup) -> None:
    unknown = [name for name in group.operations if name not in POSENAS_OPERATIONS]
    strided = [o for o in _options(group) if o not in UNSTRIDED_OPERATIONS]
    if unknown or not strided or len(set(group.operations)) < len(group.operations):
        raise ConfigError(
            f'candidates of {group.name} must be different operations, each one of '
            f'{list(POSENAS_OPERATIONS)}, at least one of them able to halve the size, got '
            f'{list(group.operations)}'
        )
