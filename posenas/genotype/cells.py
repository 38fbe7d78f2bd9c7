"""Cells of a genotype: graphs of operations, their JSON form and the tuples of DARTS."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from posenas.genotype.checking import check_integer, check_keys, check_list, check_text
from posenas.genotype.operations import POSENAS_OPERATIONS
from posenas.utils import ConfigError

#: Kind of a cell -> roles of its input states. The input state of a fabric mixes its slots.
ROLES = dict(
    normal=('prev_prev', 'prev'), reduce=('prev_prev', 'prev'), fusion=('coarse', 'lateral')
)
_SLOTS = ('parallel', 'above', 'below')
_MERGES = ('concat', 'sum')


@dataclass(frozen=True)
class Edge:
    """One input of a node.

    Attributes:
        source: State that is read.
        op: Operation; None where the edge mixes several.
        weights: Operation -> its weight > 0, of a mixed edge; else None.
    """

    source: int
    op: str | None = None
    weights: dict[str, float] | None = None


@dataclass(frozen=True)
class Slot:
    """One input of a fabric; all of them are mixed into state 0.

    Attributes:
        slot: 'parallel', 'above' (a finer map) or 'below' (a coarser one).
        source: Cell or pyramid level that is read.
        weight: Its share of the mix, > 0.
    """

    slot: str
    source: str
    weight: float


@dataclass(frozen=True)
class Cell:
    """A graph whose node i is state ``num_states + i``, the sum over its edges.

    Attributes:
        kind: 'normal', 'reduce', 'fusion' or 'fabric'.
        inputs: Roles of the input states; of a fabric the slots mixed into its only one.
        nodes: Edges of each node, in order.
        output: States that are merged into the output.
        merge: 'concat' along the channels, or 'sum'.
    """

    kind: str
    inputs: tuple[str, ...] | tuple[Slot, ...]
    nodes: tuple[tuple[Edge, ...], ...]
    output: tuple[int, ...]
    merge: str = 'concat'

    @property
    def num_states(self) -> int:
        """Number of input states."""
        return len(ROLES[self.kind]) if self.kind in ROLES else 1

    @property
    def edges(self) -> tuple[Edge, ...]:
        """All edges, numbered through the nodes."""
        return tuple(edge for node in self.nodes for edge in node)

    @property
    def sources(self) -> tuple[tuple[int, ...], ...]:
        """States that each node reads, one per edge."""
        return tuple(tuple(edge.source for edge in node) for node in self.nodes)

    @classmethod
    def from_tuples(
        cls, kind: str, edges: Sequence[Sequence], output: Sequence[int] | None = None
    ) -> 'Cell':
        """Read the form of DARTS: ``(operation, state)`` for each edge, two edges per node.

        Args:
            kind: 'normal', 'reduce' or 'fusion'.
            edges: Of the nodes, one node after the other.
            output: States that are concatenated; None means all nodes.

        Raises:
            ConfigError: The graph breaks a rule of PoseNAS cells.
        """
        first = len(ROLES[check_text('kind', kind, tuple(ROLES))])
        pairs = [{'op': op, 'from': source} for op, source in edges]
        if not pairs or len(pairs) % 2:
            raise ConfigError(f'a {kind} cell must have two edges per node, got {len(pairs)} edges')
        nodes = [dict(id=first + i, edges=pairs[2 * i :][:2]) for i in range(len(pairs) // 2)]
        states = [node['id'] for node in nodes] if output is None else list(output)
        data = dict(
            kind=kind,
            inputs=list(ROLES[kind]),
            nodes=nodes,
            output=dict(merge='concat', nodes=states),
        )
        return read_cell(f'{kind} cell', data, tuple(ROLES), POSENAS_OPERATIONS[1:])

    def to_tuples(self) -> tuple[tuple[str, int], ...]:
        """Write the form of DARTS: ``(operation, state)`` for each edge; see :attr:`output` too.

        Raises:
            ConfigError: A node has not two edges, or an edge mixes operations: no tuples say so.
        """
        if self.kind not in ROLES or any(len(node) != 2 for node in self.nodes):
            raise ConfigError(
                'tuples must describe cells with two edges of one operation at every node, got '
                f'{self}; keep this one as JSON'
            )
        return tuple((str(edge.op), edge.source) for edge in self.edges)


def read_cell(where: str, data: object, kinds: Sequence[str], operations: Sequence[str]) -> Cell:
    """Check the JSON form of one cell and read it; weights are rounded to float32.

    Args:
        where: What errors call the cell.
        data: Its JSON form.
        kinds: Kinds of cells that its family has.
        operations: Names of operations that its family has.

    Raises:
        ConfigError: A key is missing, unknown or has a value that cannot be; the text names it.
    """
    check_keys(where, data, ('kind', 'inputs', 'nodes', 'output'))
    kind = check_text(f'{where}.kind', data['kind'], kinds)
    inputs = _read_inputs(f'{where}.inputs', data['inputs'], kind)
    first = len(ROLES.get(kind, (None,)))
    nodes = [
        _read_node(f'{where}.nodes[{i}]', node, first + i, kind, operations)
        for i, node in enumerate(check_list(f'{where}.nodes', data['nodes']))
    ]
    here = f'{where}.output'
    check_keys(here, data['output'], ('merge', 'nodes'))
    merge = check_text(f'{here}.merge', data['output']['merge'], _MERGES)
    states = check_list(f'{here}.nodes', data['output']['nodes'])
    output = tuple(check_integer(f'{here}.nodes', i, 0, first + len(nodes) - 1) for i in states)
    if not output or len(set(output)) < len(output):
        raise ConfigError(f'{here}.nodes must name at least one state, each once, got {states}')
    return Cell(kind, inputs, tuple(nodes), output, merge)


def write_cell(cell: Cell) -> dict:
    """Write the JSON form of one cell."""
    inputs = [
        {'slot': role.slot, 'from': role.source, 'weight': role.weight}
        if isinstance(role, Slot)
        else role
        for role in cell.inputs
    ]
    nodes = [
        dict(id=i, edges=[_write_edge(edge) for edge in node])
        for i, node in enumerate(cell.nodes, cell.num_states)
    ]
    output = dict(merge=cell.merge, nodes=list(cell.output))
    return dict(kind=cell.kind, inputs=inputs, nodes=nodes, output=output)


def _read_inputs(where: str, data: object, kind: str) -> tuple:
    entries = check_list(where, data)
    if kind in ROLES:
        if tuple(entries) != ROLES[kind]:
            raise ConfigError(f'{where} must be {list(ROLES[kind])} for kind {kind!r}, got {data}')
        return ROLES[kind]
    slots = []
    for i, entry in enumerate(entries):
        here = f'{where}[{i}]'
        check_keys(here, entry, ('slot', 'from', 'weight'))
        slots.append(
            Slot(
                check_text(f'{here}.slot', entry['slot'], _SLOTS),
                check_text(f'{here}.from', entry['from']),
                _read_weight(f'{here}.weight', entry['weight']),
            )
        )
    if len({slot.slot for slot in slots}) < len(slots):
        raise ConfigError(f'{where} must name each slot at most once, got {data}')
    return tuple(slots)


def _read_node(
    where: str, data: object, state: int, kind: str, operations: Sequence[str]
) -> tuple[Edge, ...]:
    check_keys(where, data, ('id', 'edges'))
    check_integer(f'{where}.id', data['id'], state, state)  # ids count on from the inputs
    edges = [
        _read_edge(f'{where}.edges[{i}]', edge, state, kind, operations)
        for i, edge in enumerate(check_list(f'{where}.edges', data['edges']))
    ]
    if kind in ROLES and not edges:
        raise ConfigError(
            f'{where}.edges must hold at least one edge, got none: a sum needs a term'
        )
    return tuple(edges)


def _read_edge(where: str, data: object, state: int, kind: str, operations: Sequence[str]) -> Edge:
    if kind not in ROLES:
        check_keys(where, data, ('from', 'weights'))
        source = check_integer(f'{where}.from', data['from'], 0, state - 1)
        here = f'{where}.weights'
        if not isinstance(data['weights'], dict) or not data['weights']:
            raise ConfigError(f'{here} must map operations to weights, got {data["weights"]!r}')
        weights = {
            check_text(f'{here}: operation', op, operations): _read_weight(f'{here}.{op}', weight)
            for op, weight in data['weights'].items()
        }
        return Edge(source, weights=weights)
    check_keys(where, data, ('from', 'op'))
    source = check_integer(f'{where}.from', data['from'], 0, state - 1)
    return Edge(source, check_text(f'{where}.op', data['op'], operations))


def _read_weight(where: str, value: object) -> float:
    if type(value) is not float:
        raise ConfigError(f'{where} must be a float, got {value!r}: write 1.0, not 1')
    weight = float(np.float32(value))
    if not (weight > 0 and isfinite(weight)):
        raise ConfigError(f'{where} must be greater than 0, got {value!r}: leave zeros out')
    return weight


def _write_edge(edge: Edge) -> dict:
    if edge.weights is None:
        return {'from': edge.source, 'op': edge.op}
    return {'from': edge.source, 'weights': dict(edge.weights)}
