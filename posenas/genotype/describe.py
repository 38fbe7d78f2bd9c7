"""Genotypes as text for people, and what differs between two of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from posenas.genotype.cells import Cell
from posenas.genotype.record import Genotype
from posenas.genotype.text import format_cells

#: Entries of a genotype that change the function of its network.
_IDENTITY = ('family', 'macro', 'cells', 'choices')
#: Stands for an entry that one of two genotypes does not have.
MISSING = '-'


@dataclass(frozen=True)
class GenotypeChange:
    """One entry that differs between two genotypes.

    Attributes:
        path: Its dotted path, such as ``macro.init_channels``.
        before: Its value as JSON in the first one, or :data:`MISSING`.
        after: Likewise in the second one.
    """

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class GenotypeDifference:
    """What differs of what changes the function of a network.

    Attributes:
        first_id: Id of the first genotype.
        second_id: Id of the second one.
        changes: Entries that differ, in the order of the genotypes.
        num_entries: All entries of the two.
    """

    first_id: str
    second_id: str
    changes: tuple[GenotypeChange, ...]
    num_entries: int

    @property
    def is_same(self) -> bool:
        """Whether they are the same architecture."""
        return self.first_id == self.second_id


def compare_genotypes(first: Genotype, second: Genotype) -> GenotypeDifference:
    """List what differs between two genotypes; names, costs and provenance do not count."""
    entries = []
    for genotype in (first, second):
        data = genotype.to_dict()
        entries.append(dict(_flatten({key: data[key] for key in _IDENTITY if key in data})))
    before, after = entries
    paths = {**before, **after}
    changes = []
    if first.id != second.id:
        for path in (path for path in paths if before.get(path) != after.get(path)):
            values = (json.dumps(side[path]) if path in side else MISSING for side in entries)
            changes.append(GenotypeChange(path, *values))
    return GenotypeDifference(first.id, second.id, tuple(changes), len(paths))


def describe_genotype(genotype: Genotype) -> Iterator[str]:
    """Yield the lines of a text that says everything of a genotype: what it is and what it costs.

    Args:
        genotype: Any; cells are written as :func:`format_cells` does, choices one a line.
    """
    yield f'{genotype.name}: family {genotype.family}, id {genotype.id}'
    if genotype.cost:
        yield describe_cost(genotype.cost)
    if genotype.provenance:
        yield f'from {", ".join(f"{k} {v}" for k, v in genotype.provenance.items())}'
    yield ''
    for key, value in genotype.macro.items():
        yield f'{key}: {json.dumps(value)}'
    yield ''
    if genotype.family == 'posenas':
        yield format_cells(genotype.cells)
    elif genotype.cells:
        yield from (_describe_fabric_cell(name, cell) for name, cell in genotype.cells.items())
    else:
        for path, value in _flatten(genotype.choices, depth=2):
            yield f'{path}: {json.dumps(value)}'


def describe_cost(cost: Mapping) -> str:
    """Write parameters and operations in both units that published tables use.

    Args:
        cost: ``params``, ``macs`` and, where it is known, ``input`` (width, height).
    """
    width, height = cost.get('input', ('?', '?'))
    macs = cost['macs']
    return (
        f'{cost["params"]:,} parameters, {macs:,} MACs = {macs / 1e9:.3f} x 10^9 = '
        f'{macs / 2**30:.3f} x 2^30 at {height}x{width} (height x width)'
    )


def _describe_fabric_cell(name: str, cell: Cell) -> str:
    slots = ' + '.join(f'{s.weight:.3g} {s.slot}({s.source})' for s in cell.inputs)
    nodes = []
    for i, node in enumerate(cell.nodes, 1):
        terms = [f'{w:.3g} {op}@{edge.source}' for edge in node for op, w in edge.weights.items()]
        nodes.append(f'{i}=({" + ".join(terms)})')
    return f'{name}: {slots} | {" | ".join(nodes)}'


def _flatten(value: object, path: str = '', depth: int = 20) -> Iterator[tuple[str, object]]:
    """Yield dotted path and value of every leaf; below ``depth`` values stay whole."""
    if depth and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flatten(item, f'{path}.{key}' if path else str(key), depth - 1)
    elif depth and isinstance(value, list) and any(isinstance(i, dict | list) for i in value):
        for i, item in enumerate(value):
            yield from _flatten(item, f'{path}[{i}]', depth - 1)
    else:
        yield path, value
