"""Cells as lines that people can read, compare and type."""

import ast
import re
from collections.abc import Mapping

from posenas.genotype.cells import Cell
from posenas.utils import ConfigError

_NODE = re.compile(r'(\d+)=\((\w+)@(\d+),(\w+)@(\d+)\)')
#: What reading a text as Python without running it can raise.
_UNREADABLE = (
    *(SyntaxError, ValueError, AttributeError, TypeError),
    *(RecursionError, MemoryError),
)
#: Far more than the states of any cell.
_MOST_PLACES = 1000
_OUTPUT = re.compile(r'out=([\d,]+)')


def format_cells(cells: Mapping[str, Cell]) -> str:
    """Write one line per cell: ``name: 2=(std_conv_3x3@1,se_connect@0)|3=(...)|out=2,3``.

    Raises:
        ConfigError: As :meth:`Cell.to_tuples`, or the states are summed.
    """
    lines = []
    for name, cell in cells.items():
        edges = [f'{op}@{source}' for op, source in cell.to_tuples()]
        if cell.merge != 'concat':
            raise ConfigError(f'text must describe concatenating cells, got {name}: {cell.merge}')
        ids = range(cell.num_states, cell.num_states + len(cell.nodes))
        nodes = [f'{i}=({",".join(edges[2 * k :][:2])})' for k, i in enumerate(ids)]
        lines.append(f'{name}: {"|".join(nodes)}|out={",".join(map(str, cell.output))}')
    return '\n'.join(lines)


def parse_cells(text: str) -> dict[str, Cell]:
    """Read what :func:`format_cells` writes; ``|out=...`` may be missing where all nodes go out.

    The last part of a name, normal, reduce or fuse<k>, says the kind.

    Raises:
        ConfigError: A line has another form, or its graph breaks a rule of PoseNAS cells.
    """
    return dict(_parse_line(line.strip()) for line in text.splitlines() if line.strip())


def _parse_line(line: str) -> tuple[str, Cell]:
    name, _, graph = line.partition(':')
    *parts, last = graph.strip().split('|')
    output = _OUTPUT.fullmatch(last)
    nodes = [_NODE.fullmatch(part) for part in (parts if output else [*parts, last])]
    kind = re.sub(r'^fuse\d+$', 'fusion', name.rpartition('.')[2])
    if not nodes or not all(nodes) or [int(n[1]) for n in nodes] != [*range(2, 2 + len(nodes))]:
        raise ConfigError(
            'a cell must be a line such as encoder.normal: 2=(std_conv_3x3@1,se_connect@0)|3=(...),'
            f' with nodes counted from 2, got {line!r}'
        )
    edges = [(node[k], int(node[k + 1])) for node in nodes for k in (2, 4)]
    states = [int(state) for state in output[1].split(',')] if output else None
    return name, Cell.from_tuples(kind, edges, states)


def format_tuples(cells: Mapping[str, Cell]) -> str:
    """Write cells as DARTS does: ``Genotype(normal=[('skip_connect', 0), ...], ...)``.

    Raises:
        ConfigError: As :meth:`Cell.to_tuples`, or two cells have the same last part of their name.
    """
    names = [name.rpartition('.')[2] for name in cells]
    if len(set(names)) < len(names):
        raise ConfigError(f'tuples must tell cells apart by the end of their name, got {names}')
    entries = [
        f'    {name}={list(cell.to_tuples())},\n    {name}_concat={list(cell.output)},\n'
        for name, cell in zip(names, cells.values(), strict=True)
    ]
    return f'Genotype(\n{"".join(entries)})\n'


def parse_tuples(text: str) -> dict[str, Cell]:
    """Read what :func:`format_tuples` writes, or a genotype printed by DARTS; nothing is run.

    Raises:
        ConfigError: The text has another form, or a graph breaks a rule of PoseNAS cells.
    """
    try:
        call = ast.parse(text.strip(), mode='eval').body
        values = {str(item.arg): _read_literal(item.value) for item in call.keywords}
    except _UNREADABLE as error:
        raise ConfigError(
            "tuples must be written Genotype(normal=[('skip_connect', 0), ...], "
            f'normal_concat=[2, 3], ...), got {text.strip()[:80]!r}: {error}'
        ) from error
    cells = {}
    for name, edges in values.items():
        if not name.endswith('_concat'):
            kind = 'fusion' if name.startswith('fuse') else name
            place = 'decoder' if kind == 'fusion' else 'encoder'
            output = values.get(f'{name}_concat')
            cells[f'{place}.{name}'] = Cell.from_tuples(kind, edges, output)
    return cells


def _read_literal(node: ast.expr) -> list:
    """Read a list, or the ``range(start, stop)`` that DARTS prints."""
    if isinstance(node, ast.Call) and getattr(node.func, 'id', '') == 'range':
        places = range(*map(ast.literal_eval, node.args))
        if len(places) > _MOST_PLACES:
            raise ValueError(f'a range must have at most {_MOST_PLACES} numbers, got {places}')
        return list(places)
    return list(ast.literal_eval(node))
