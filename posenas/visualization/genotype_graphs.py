"""Genotypes as graphs: their cells, and how a network is made of them."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from posenas.genotype import Cell, Genotype
from posenas.utils import ConfigError
from posenas.visualization.graph import Graph, Link, Node

__all__ = ['make_graphs']

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
#: Weights below it are not drawn.
_SMALLEST_WEIGHT = 0.05
#: Width of the line of weight 1, pixels.
_WIDEST = 7.0
#: Slot -> colour of its arrow, and its bend.
_SLOTS = {'parallel': ('#1f77b4', 0.0), 'above': ('#d95f02', -14.0), 'below': ('#1b9e77', 14.0)}


def make_graphs(genotype: Genotype) -> list[Graph]:
    """Make the pictures of a genotype.

    Args:
        genotype: Of any family.

    Returns:
        PoseNAS: the network, then its cells. Neural fabrics: one grid of cells for each part, the
        arrows as wide as the weights. ViPNAS: the chain of stages.

    Raises:
        ConfigError: The genotype lacks numbers that the picture shows.
    """
    return _FAMILIES[genotype.family](genotype)


def _draw_posenas(genotype: Genotype) -> list[Graph]:
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


def _draw_pnfs(genotype: Genotype) -> list[Graph]:
    parts = list(dict.fromkeys(name.rpartition('.')[0] for name in genotype.cells))
    return [_draw_fabric(genotype, part) for part in parts]


def _draw_fabric(genotype: Genotype, part: str) -> Graph:
    """Draw one fabric: a column for each layer, a row for each scale."""
    cells = {n: cell for n, cell in genotype.cells.items() if n.rpartition('.')[0] == part}
    places = {name: _read_place(name) for name in cells}
    first = min(layer for layer, _ in places.values())
    handed = sorted({slot.source for cell in cells.values() for slot in cell.inputs} - cells.keys())
    nodes = [
        Node(name, name, 0, int(name.rpartition('_')[2]) if '_' in name else 0, 'input')
        for name in handed
    ]
    links = []
    for name, cell in cells.items():
        layer, scale = places[name]
        operators = [_describe_edge(edge.weights) for edge in cell.edges]
        label = '\n'.join([f'{layer}_{scale}', *(line for lines in operators for line in lines)])
        nodes.append(Node(name, label, 1.6 * (layer - first + 1), scale))
        links += [
            Link(
                slot.source,
                name,
                f'{slot.weight:.2f}',
                _SLOTS[slot.slot][0],
                width=max(_WIDEST * slot.weight, 0.5),
                bend=_SLOTS[slot.slot][1],
            )
            for slot in cell.inputs
            if slot.weight >= _SMALLEST_WEIGHT
        ]
    joints = genotype.macro.get('parts', {}).get(part)
    about = f', joints {", ".join(map(str, joints))}' if joints else ''
    return Graph(f'{part}{about}', tuple(nodes), tuple(links))


def _read_place(name: str) -> tuple[int, int]:
    """Return layer and scale of a cell called ``<part>.<layer>_<scale>``."""
    layer, _, scale = name.rpartition('.')[2].partition('_')
    return int(layer), int(scale)


def _describe_edge(weights: Mapping[str, float]) -> list[str]:
    """List the operators of an edge, the strongest first; weak ones are left out."""
    strong = [item for item in weights.items() if item[1] >= _SMALLEST_WEIGHT]
    return [f'{name} {weight:.2f}' for name, weight in sorted(strong, key=lambda item: -item[1])]


def _draw_vipnas(genotype: Genotype) -> list[Graph]:
    return [_draw_stages(genotype.name, genotype.choices)]


def _draw_stages(title: str, choices: Mapping) -> Graph:
    """Draw stem, stages and head layers one after the other."""
    boxes = [('image', 'input'), (_describe('stem', choices['stem']), 'node')]
    boxes += [
        (_describe(f'stage {i}', stage), 'reduce') for i, stage in enumerate(choices['stages'])
    ]
    boxes += [(_describe(f'deconv {i}', layer), 'node') for i, layer in enumerate(choices['head'])]
    boxes.append(('heatmaps', 'output'))
    nodes = [Node(str(i), label, i, 0.4, role) for i, (label, role) in enumerate(boxes)]
    links = [Link(str(i), str(i + 1)) for i in range(len(boxes) - 1)]
    return Graph(title, tuple(nodes), tuple(links))


def _describe(title: str, values: Mapping) -> str:
    """Write decisions below each other; those of differing blocks side by side."""
    lines = [title]
    for key, value in values.items():
        if key == 'blocks':
            names = value[0].keys()
            lines += [f'{name} {_join(block[name] for block in value)}' for name in names]
        else:
            lines.append(f'{key} {_join([value])}')
    return '\n'.join(lines)


def _join(values: Sequence) -> str:
    words = {True: 'yes', False: 'no'}
    return ','.join(words[v] if isinstance(v, bool) else str(v) for v in values)


def _draw_t_vipnas(genotype: Genotype) -> list[Graph]:
    """Draw a period: the key frame, then what each frame takes over from the one before."""
    choices = genotype.choices
    nodes = [Node('0', f'key frame\n{choices["key"]}', 0, 0.3, 'input')]
    links = []
    for i, frame in enumerate(choices['frames'], 1):
        net = frame['net'] if isinstance(frame['net'], str) else f'net {i}'
        nodes.append(Node(str(i), f'frame {i}\n{net}', 1.3 * i, 0.3))
        links.append(Link(str(i - 1), str(i), f'{frame["fuse_op"]} @ {frame["fuse_stage"]}'))
    title = f'{genotype.name}: period {choices["period"]}'
    nets = [
        _draw_stages(f'net of frame {i}', frame['net'])
        for i, frame in enumerate(choices['frames'], 1)
        if isinstance(frame['net'], Mapping)
    ]
    return [Graph(title, tuple(nodes), tuple(links)), *nets]


_FAMILIES: Mapping[str, Callable[[Genotype], list[Graph]]] = MappingProxyType(
    dict(posenas=_draw_posenas, pnfs=_draw_pnfs, vipnas=_draw_vipnas, t_vipnas=_draw_t_vipnas)
)
