"""Names of the PNFS project: a backbone, convolutions per part, and the parts side by side."""

import re
from collections.abc import Iterable

from posenas.convert.naming import Entries, Naming, top_names
from posenas.convert.rules import Rename

__all__ = ['PNFS']

#: Names of body parts.
_PART = r'\w+_part|whole_body'
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
    for name in entries:
        edge = _EDGE.fullmatch(name)
        if re.match(rf'({_PART})\.stem\.', name):
            unused[name] = 'stems of parts are never executed: the backbone takes their place'
        elif name.startswith('backbone.features.17.'):
            unused[name] = 'the last block of MobileNetV2 is never executed'
        elif edge and edge['edge'] == '1' and edge['cell'] in legacy:
            unused[name] = 'edges from the second input of old cells, which is never fed'
    return unused


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
