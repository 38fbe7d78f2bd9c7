"""From what a relaxation has learnt to one PoseNAS architecture."""

from collections.abc import Mapping

from torch import Tensor

from posenas.search.posenas.space import CellGroup, PoseNASSpace
from posenas.search.space import Arch


def derive_cells(
    space: PoseNASSpace,
    cells: Mapping[str, Tensor],
    inputs: Mapping[str, Tensor] | None = None,
    max_skip: int | None = None,
) -> Arch:
    """Keep the two strongest edges of each node, and what is strongest on each of them.

    An edge is as strong as its strongest operation other than 'none'; edges are listed by falling
    strength, equal ones by their source, as Liu et al. do, DARTS, ICLR 2019.

    Args:
        space: Where the architecture lies.
        cells: Group -> strength of each operation on each edge, (E, O).
        inputs: Input of a fusion cell, such as 'fuse1_coarse' -> strength of each map, (N,).
        max_skip: Most skip connections that the normal cell may keep; the weakest beyond are ruled
            out and the cell is derived anew, as Chen et al. do, P-DARTS, ICCV 2019.
    """
    values: dict[str, int | str] = {}
    for group in space.groups:
        strengths = cells[group.key]
        kept = _derive_cell(group, strengths)
        while max_skip is not None and group.kind == 'normal' and _count(kept) > max_skip:
            weakest = min((edge for edge in kept if edge[3] == _SKIP), key=lambda edge: edge[0])
            strengths = strengths.clone()
            row = group.edges.index((weakest[1], weakest[2]))
            strengths[row, group.operations.index(_SKIP)] = 0
            kept = _derive_cell(group, strengths)
        for i in range(0, len(kept), 2):
            pair = kept[i : i + 2]
            prefix = f'{group.name}.{pair[0][1]}'
            values[f'{prefix}.sources'] = ','.join(str(edge[2]) for edge in pair)
            values[f'{prefix}.first'], values[f'{prefix}.second'] = (edge[3] for edge in pair)
    for name, shares in (inputs or {}).items():
        key, end = name.split('_')
        levels = space.source_levels(int(key.removeprefix('fuse')))[end == 'lateral']
        values[f'decoder.{key}.{end}'] = levels[int(shares.argmax())]
    return Arch(values)


_SKIP = 'skip_connect'


def _derive_cell(group: CellGroup, strengths: Tensor) -> list[tuple[float, int, int, str]]:
    """Return strength, node, source and operation of the kept edges, node by node."""
    found: dict[int, list[tuple[float, int, int, str]]] = {}
    for row, (node, source) in zip(strengths.tolist(), group.edges, strict=True):
        value, column = max(
            (value, -column)
            for column, (value, name) in enumerate(zip(row, group.operations, strict=True))
            if name != 'none' and group.is_legal(source, name)
        )
        found.setdefault(node, []).append((value, node, source, group.operations[-column]))
    # sorted() keeps the order of equal ones, which is that of their sources
    kept = [sorted(edges, key=lambda edge: -edge[0])[:2] for edges in found.values()]
    return [edge for edges in kept for edge in edges]


def _count(kept: list[tuple[float, int, int, str]]) -> int:
    return sum(edge[3] == _SKIP for edge in kept)
