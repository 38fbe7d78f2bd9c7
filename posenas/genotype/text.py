"""Cells as lines that people can read, compare and type."""

import re
from collections.abc import Mapping

from posenas.genotype.cells import Cell
from posenas.utils import ConfigError

__all__ = ['format_cells', 'parse_cells']

_NODE = re.compile(r'(\d+)=\((\w+)@(\d+),(\w+)@(\d+)\)')
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
