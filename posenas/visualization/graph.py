"""Directed graphs as pictures: text for Graphviz, or drawn by matplotlib.

Equal graphs give equal bytes: there is no date and no random number.
"""

from collections.abc import Sequence
from io import BytesIO

from posenas.genotype import Graph, Link, Node
from posenas.utils import check_choice

#: Suffixes of the files that can be written; all but the first need matplotlib.
FORMATS = ('dot', 'svg', 'png', 'pdf')
#: Role of a node -> fill and whether its corners are round.
_STYLES = {
    'input': ('#dbe9f6', True),
    'node': ('#ffffff', False),
    'reduce': ('#fde9c9', False),
    'output': ('#d9f0d3', True),
}
#: Pixels between columns and between rows, size of a letter, and margins.
_COLUMN, _ROW, _LETTER, _LINE, _MARGIN, _TITLE = 190, 96, 6.6, 14, 24, 26


def _size(node: Node) -> tuple[float, float]:
    """Return width and height of a box, pixels."""
    lines = node.label.split('\n')
    return 14 + _LETTER * max(map(len, lines)), 10 + _LINE * len(lines)


def draw_graphs(graphs: Sequence[Graph], kind: str) -> bytes:
    """Draw graphs below each other.

    Args:
        graphs: What to draw.
        kind: One of ``FORMATS``.

    Returns:
        The file.
    """
    check_choice('format', kind, FORMATS)
    if kind == 'dot':
        return to_dot(graphs).encode()
    return _to_image(graphs, kind)


def to_dot(graphs: Sequence[Graph]) -> str:
    """Write graphs for Graphviz, each as a cluster of one digraph."""
    lines = ['digraph genotype {', '  rankdir=LR;', '  node [shape=box, style=filled];']
    for number, graph in enumerate(graphs):
        lines += [f'  subgraph cluster_{number} {{', f'    label={_quote(graph.title)};']
        for node in graph.nodes:
            fill, is_round = _STYLES[node.role]
            style = 'filled,rounded' if is_round else 'filled'
            lines.append(
                f'    {_quote(f"{number}.{node.id}")} [label={_quote(node.label)}, '
                f'style="{style}", fillcolor="{fill}"];'
            )
        for link in graph.links:
            ends = ' -> '.join(_quote(f'{number}.{end}') for end in (link.source, link.target))
            style = 'dashed' if link.is_dashed else 'solid'
            lines.append(
                f'    {ends} [label={_quote(link.label)}, color="{link.colour}", '
                f'style={style}, penwidth={link.width:.2f}];'
            )
        lines.append('  }')
    return '\n'.join([*lines, '}', ''])


def _quote(text: str) -> str:
    escaped = text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n')
    return f'"{escaped}"'


def _measure(graph: Graph) -> tuple[float, float]:
    """Return width and height of a graph with its title and margins."""
    right = max(_centre(node)[0] + _size(node)[0] / 2 for node in graph.nodes)
    bottom = max(_centre(node)[1] + _size(node)[1] / 2 for node in graph.nodes)
    return max(right, 10 + 8 * len(graph.title)) + _MARGIN, bottom + _MARGIN


def _centre(node: Node) -> tuple[float, float]:
    return _MARGIN + 70 + _COLUMN * node.column, _MARGIN + _TITLE + 24 + _ROW * node.row


def _route(link: Link, places: dict[str, Node]) -> tuple[tuple[float, float], ...]:
    """Return the four points of the curve of an arrow, from right side to left side."""
    source, target = places[link.source], places[link.target]
    (x0, y0), (x3, y3) = _centre(source), _centre(target)
    x0, x3 = x0 + _size(source)[0] / 2, x3 - _size(target)[0] / 2
    reach = max((x3 - x0) / 2, 40)
    bend = 4 / 3 * link.bend
    return (x0, y0), (x0 + reach, y0 + bend), (x3 - reach, y3 + bend), (x3, y3)


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the middle of a cubic curve."""
    weights = (0.125, 0.375, 0.375, 0.125)
    x, y = (sum(w * p[i] for w, p in zip(weights, points, strict=True)) for i in (0, 1))
    return x, y


def _to_image(graphs: Sequence[Graph], kind: str) -> bytes:
    """Draw graphs below each other by matplotlib."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    sizes = [_measure(graph) for graph in graphs]
    width, height = max(w for w, _ in sizes), sum(h for _, h in sizes)
    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis('off')
    top = 0.0
    for graph, (_, own) in zip(graphs, sizes, strict=True):
        _draw_on(axes, graph, top)
        top += own
    with BytesIO() as file:
        dated = dict(pdf='CreationDate', svg='Date', png='Software')[kind]
        with rc_context({'svg.hashsalt': 'posenas', 'svg.fonttype': 'none'}):  # text stays text
            figure.savefig(file, format=kind, dpi=100, metadata={dated: None})
        return file.getvalue()


def _draw_on(axes: object, graph: Graph, top: float) -> None:
    """Draw one graph on axes in pixels, ``top`` pixels down."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

    places = {node.id: node for node in graph.nodes}
    font = dict(family='monospace', fontsize=8, va='center')
    axes.text(_MARGIN, top + _TITLE - 4, graph.title, **dict(font, fontsize=10), weight='bold')
    for link in graph.links:
        points = [(x, y + top) for x, y in _route(link, places)]
        style = dict(color=link.colour, linewidth=link.width)
        style['linestyle'] = '--' if link.is_dashed else '-'
        curve = Path(points, [Path.MOVETO, *[Path.CURVE4] * 3])
        axes.add_patch(FancyArrowPatch(path=curve, arrowstyle='-|>', mutation_scale=9, **style))
        if link.label:
            halo = dict(boxstyle='square,pad=0.1', fc='white', ec='none', alpha=0.8)
            text = dict(font, color=link.colour, ha='center', bbox=halo)
            axes.text(*_middle(points), link.label, **text)
    for node in graph.nodes:
        (x, y), (width, height) = _centre(node), _size(node)
        fill, is_round = _STYLES[node.role]
        corner = f'{"round" if is_round else "square"},pad=0'
        corner += ',rounding_size=8' if is_round else ''
        box = (x - width / 2, top + y - height / 2), width, height
        axes.add_patch(FancyBboxPatch(*box, boxstyle=corner, fc=fill, ec='#333333'))
        axes.text(x, top + y, node.label, ha='center', **font)
