"""The family of PoseNAS: checks, configs and pictures of its genotypes."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

from posenas.genotype.cells import ROLES, Cell
from posenas.genotype.graph import Graph, Link, Node
from posenas.genotype.operations import POSENAS_OPERATIONS, UNSTRIDED_OPERATIONS
from posenas.genotype.record import FAMILIES, Family, Genotype
from posenas.utils import ConfigError

#: Part of the name of an operation -> colour; the first that fits.
_COLOURS = (
    ('skip', '#2ca02c'),
    ('pool', '#7f7f7f'),
    ('se_connect', '#d62728'),
    ('spatial_wise', '#d62728'),
    ('dil_conv', '#9467bd'),
    ('Atr_Conv', '#9467bd'),
    ('', '#1f77b4'),
)
#: Operations without parameters.
_FREE = ('skip', 'pool', 'spatial_wise')
#: Arguments of a PoseNAS backbone that its genotype says.
_SIZES = ('layers', 'init_channels', 'num_stages', 'reductions', 'taps', 'refine')


def write_posenas_model(genotype: Genotype, model: Mapping) -> dict:
    """Write the genotype into the config of an estimator."""
    derived = deepcopy(dict(model))
    backbone = {key: value for key, value in derived['backbone'].items() if key not in _SIZES}
    derived['backbone'] = dict(backbone, type='PoseNAS', genotype=genotype.to_dict())
    return derived


def check_posenas(genotype: Genotype) -> None:
    """Require operations that halve the size where reduction cells read their inputs.

    Raises:
        ConfigError: There is attention instead; the text names it.
    """
    if not genotype.macro.get('strided_attention'):
        for name, cell in genotype.cells.items():
            _check_strides(f'cells[{name!r}]', cell)


def _check_strides(where: str, cell: Cell) -> None:
    strided = [edge for edge in cell.edges if edge.source < cell.num_states]
    wrong = [edge.op for edge in strided if edge.op in UNSTRIDED_OPERATIONS]
    if cell.kind == 'reduce' and wrong:
        raise ConfigError(
            f'{where} must halve the size where it reads its inputs (from 0 or 1), got '
            f'{wrong[0]!r}: use another operation, or set macro.strided_attention to pool first'
        )


def draw_posenas(genotype: Genotype) -> list[Graph]:
    """Draw the network, then its cells."""
    cells = [_draw_cell(name, cell) for name, cell in genotype.cells.items()]
    return [_draw_posenas_network(genotype), *cells]


def _draw_cell(name: str, cell: Cell) -> Graph:
    """Draw one graph of operations: the column of a state is its longest path from an input."""
    first = cell.num_states
    columns = [0] * first
    for node in cell.nodes:
        columns.append(1 + max(columns[edge.source] for edge in node))
    rows: dict[int, int] = {}
    nodes = []
    for state, column in enumerate(columns):
        row = rows.setdefault(column, 0)
        rows[column] += 1
        label = f'{cell.inputs[state]} ({state})' if state < first else str(state)
        role = 'input' if state < first else 'node'
        # a step down per column keeps arrows from running through boxes in between
        nodes.append(Node(str(state), label, 1.4 * column, 1.3 * (row + 0.45 * column), role))
    links = [
        Link(
            str(edge.source),
            str(state),
            edge.op,
            _find_colour(edge.op),
            is_dashed=any(part in edge.op for part in _FREE),
            bend=_bend(columns[state] - columns[edge.source], bool(second)),
        )
        for state, node in enumerate(cell.nodes, first)
        for second, edge in enumerate(node)
    ]
    last = max(columns) + 1
    nodes.append(Node('out', cell.merge, 1.4 * last, 0.26 * last, 'output'))
    links += [Link(str(state), 'out', colour='#bbbbbb', bend=20.0) for state in cell.output]
    return Graph(f'{name} ({cell.kind})', tuple(nodes), tuple(links))


def _bend(span: int, is_second: bool) -> float:
    """Bend the two arrows of a node apart, and long ones around the boxes in between."""
    return -30.0 - 45.0 * (span - 1) if is_second else 12.0 + 50.0 * (span - 1)


def _find_colour(operation: str) -> str:
    return next(colour for part, colour in _COLOURS if part in operation)


def _draw_posenas_network(genotype: Genotype) -> Graph:
    """Draw the encoder, the fusion decoder and, if there are two stages, the second round."""
    macro = genotype.macro
    _require(macro, ('layers', 'reductions', 'taps', 'num_stages', 'init_channels'))
    width = 2 * macro['init_channels']
    nodes = [
        Node('stem0', f'stem\n{width} /4', 0, 0, 'input'),
        Node('stem1', f'stem\n{width} /4', 0, 1, 'input'),
    ]
    links: list[Link] = []
    encoder = _add_cells(nodes, links, 'c', macro, width, row=0, feed=('stem0', 'stem1'))
    fused = _add_fusion(nodes, links, 'd', encoder, macro['layers'] + 1, 0)
    heads = [fused]
    if macro['num_stages'] == 2:
        _require(macro, ('refine',))
        refine = macro['refine']
        _require(refine, ('layers', 'reductions', 'taps', 'channels'))
        nodes.append(Node('in', f'1x1\n{refine["channels"]} /4', 0, 6, 'input'))
        links.append(Link(fused[0], 'in', colour='#bbbbbb', is_dashed=True))
        taps = _add_cells(nodes, links, 'r', refine, refine['channels'], row=6, feed=('in', 'in'))
        added = []
        for k, (tap, old) in enumerate(zip(taps, [*fused, encoder[3]], strict=True)):
            name = f'h{k}'
            column = _column(nodes, tap) + 0.5
            nodes.append(Node(name, '+', column, 7.2 + 0.7 * k))
            links += [Link(tap, name, '1x1'), Link(old, name, colour='#bbbbbb', is_dashed=True)]
            added.append(name)
        heads.append(_add_fusion(nodes, links, 'e', added, refine['layers'] + 2, 6))
    for stage, maps in enumerate(heads):
        name = f'head{stage}'
        nodes.append(
            Node(name, f'head {stage + 1}', _column(nodes, maps[0]) + 1, 6 * stage, 'output')
        )
        links.append(Link(maps[0], name))
    return Graph(f'{genotype.name}: network', tuple(nodes), tuple(links))


def _add_cells(
    nodes: list[Node],
    links: list[Link],
    prefix: str,
    plan: Mapping,
    width: int,
    row: float,
    feed: Sequence[str],
) -> list[str]:
    """Add cells one after the other; returns those that are tapped, the finest first."""
    before, last, stride = *feed, 4
    for i in range(plan['layers']):
        is_reduce = i in plan['reductions']
        width, stride = (2 * width, 2 * stride) if is_reduce else (width, stride)
        kind = 'reduce' if is_reduce else 'normal'
        name = f'{prefix}{i}'
        label = f'{name} {kind}\n{width} /{stride}'
        nodes.append(Node(name, label, 1 + i, row, 'reduce' if is_reduce else 'node'))
        links += [Link(before, name, colour='#bbbbbb', bend=-34.0), Link(last, name)]
        before, last = last, name
    return [f'{prefix}{tap}' for tap in plan['taps']]


def _add_fusion(
    nodes: list[Node], links: list[Link], prefix: str, maps: Sequence[str], column: int, row: float
) -> list[str]:
    """Add the fusion cells from the coarsest map to the finest; returns theirs, finest first."""
    coarse, made = maps[3], []
    for k in (2, 1, 0):
        name = f'{prefix}{k}'
        nodes.append(Node(name, f'fuse{3 - k}\n{name} /{4 << k}', column + 2 - k, row + k + 1))
        links += [Link(coarse, name, colour='#d95f02'), Link(maps[k], name, colour='#1b9e77')]
        coarse = name
        made.insert(0, name)
    return made


def _column(nodes: Sequence[Node], name: str) -> float:
    return next(node.column for node in nodes if node.id == name)


def _require(macro: Mapping, keys: Sequence[str]) -> None:
    missing = [key for key in keys if macro.get(key) is None]
    if missing:
        raise ConfigError(f'macro of a genotype must hold {list(keys)} to be drawn, add {missing}')


FAMILIES['posenas'] = Family(
    draw=draw_posenas,
    write_model=write_posenas_model,
    check=check_posenas,
    cell_kinds=tuple(ROLES),
    operations=POSENAS_OPERATIONS[1:],  # 'none' exists during a search only
)
