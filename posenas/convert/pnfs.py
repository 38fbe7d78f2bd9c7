"""Names of the PNFS project: a backbone, convolutions per part, and the parts side by side."""

import re
from collections.abc import Iterable

from posenas.convert.naming import Entries, Naming, top_names
from posenas.convert.rules import Rename

#: More pyramid levels than there are.
_ANY = range(100)
#: Names of body parts.
_PART = r'\w+_part|whole_body'
_CELL = re.compile(r'\w+\.cell_(\d+)_(\d+)\.')
_REDUCE = re.compile(r'reduce\.(?P<part>\d+)\.(?P<level>\d+)\..*')
_EDGE = re.compile(r'(?P<cell>.*cell_\d+_\d+)\.cell_arch\.(?P<edge>\d+)\..*')


def _make_rules(names: Iterable[str]) -> list[Rename]:
    names = list(names)
    parts = {top for top in top_names(names) if re.fullmatch(_PART, top)}
    parts |= {name.split('.')[2] for name in names if name.startswith('head.parts.')}
    rules = [Rename(f'{part}.{{rest}}', f'head.parts.{part}.{{rest}}') for part in sorted(parts)]
    return [*rules, Rename('reduce.{rest}', 'neck.reduce.{rest}')]


def _find_unused(entries: Entries) -> dict[str, str]:
    """Name what the original registers but never executes."""
    unused = {}
    legacy = _find_two_input_cells(entries)
    levels = _find_levels(entries)
    for name in entries:
        edge = _EDGE.fullmatch(name)
        reduce = _REDUCE.fullmatch(name)
        if re.match(rf'({_PART})\.stem\.', name):
            unused[name] = 'stems of parts are never executed: the backbone takes their place'
        elif name.startswith('backbone.features.17.'):
            unused[name] = 'the last block of MobileNetV2 is never executed'
        elif edge and edge['edge'] == '1' and edge['cell'] in legacy:
            unused[name] = 'edges from the second input of old cells, which is never fed'
        elif reduce and int(reduce['level']) not in levels.get(reduce['part'], _ANY):
            unused[name] = 'convolutions of pyramid levels that no cell of the part reads'
    return unused


def _find_levels(entries: Entries) -> dict[str, set[int]]:
    """List the pyramid levels that each part reads, by the part's number.

    The cells of the first layer read the level of their scale and its neighbours.
    """
    cells: dict[str, list[tuple[int, int]]] = {}
    for name in entries:
        part = name.partition('.')[0]
        cell = _CELL.match(name)
        if re.fullmatch(_PART, part):
            cells.setdefault(part, []).extend([(int(cell[1]), int(cell[2]))] if cell else [])
    levels = {}
    for number, places in enumerate(cells.values()):
        if places:
            scales = {scale for layer, scale in places if layer == min(places)[0]}
            levels[str(number)] = {scale + step for scale in scales for step in (-1, 0, 1)}
    return levels


def _find_two_input_cells(entries: Entries) -> set[str]:
    """Find cells of one hidden state that were built with two input nodes.

    Their edges are 0 and 1. Cells of one input have 1, 3, 6, ... edges, but pruned ones may have
    lost some: their width tells the number of hidden states.
    """
    edges: dict[str, set[str]] = {}
    for name in entries:
        match = _EDGE.fullmatch(name)
        if match:
            edges.setdefault(match['cell'], set()).add(match['edge'])
    found = {cell for cell, numbers in edges.items() if numbers == {'0', '1'}}
    return {cell for cell in found if _has_one_state(entries.get(f'{cell}.channel_keep.weight'))}


def _has_one_state(weight: object) -> bool:
    """Tell whether a cell joins one hidden state, by its last convolution (C, states * C, 1, 1)."""
    shape = getattr(weight, 'shape', None)
    return shape is None or shape[0] == shape[1]


PNFS = Naming(
    key='pnfs',
    title='the PNFS project',
    modules=rf'backbone|reduce|{_PART}',
    marks=rf'reduce|{_PART}',
    make_rules=_make_rules,
    find_unused=_find_unused,
)
