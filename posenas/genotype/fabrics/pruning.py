"""Neural fabrics from genotypes and back: what was pruned and the weights of what was kept."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from itertools import islice

from posenas.genotype.cells import Cell, Edge, Slot
from posenas.genotype.fabrics.plan import SLOTS, CellPlan, FabricPlan, plan_fabric
from posenas.genotype.record import Genotype
from posenas.utils import ConfigError

#: Weights of the slots (3,) and operators (E, O) of each cell, layer by layer; None if pruned.
CellWeights = Sequence[tuple[Sequence[float], Sequence[Sequence[float]]] | None]


def read_genotype(genotype: Mapping | Genotype) -> Genotype:
    """Read and check a genotype of family pnfs.

    Raises:
        ConfigError: It is none.
    """
    record = genotype if isinstance(genotype, Genotype) else Genotype.from_dict(genotype)
    if record.family != 'pnfs':
        raise ConfigError(f'a fabric needs a genotype of family pnfs, got {record.family!r}')
    return record


def plan_part(fabric: Mapping, part: str) -> FabricPlan:
    """Plan the fabric of a body part.

    Args:
        fabric: Arguments of ``CellFabric``.
        part: Name of the part.

    Raises:
        ConfigError: See :func:`plan_fabric` and :func:`prune_plan`.
    """
    known = signature(plan_fabric).parameters
    plan = plan_fabric(**{name: value for name, value in fabric.items() if name in known})
    genotype = fabric.get('genotype')
    if genotype is None:
        return plan
    return prune_plan(plan, genotype, part, fabric.get('keep_operators', False))


def check_macro(macro: Mapping, wanted: Mapping) -> None:
    """Require the numbers of a genotype to be those of the network, where it states them.

    Raises:
        ConfigError: One differs.
    """
    for key, value in wanted.items():
        if key in macro and macro[key] != value:
            raise ConfigError(
                f'macro.{key} of the genotype must match the network, got {macro[key]!r} in the '
                f'genotype and {value!r} in the network: set {key}={macro[key]!r}'
            )


def prune_plan(
    plan: FabricPlan, genotype: Mapping | Genotype, part: str, keep_operators: bool = False
) -> FabricPlan:
    """Keep what a genotype lists, with its weights.

    Args:
        plan: The whole fabric.
        genotype: Of family pnfs.
        part: Which fabric of the genotype this is: its cells are called ``<part>.<j>_<i>``.
        keep_operators: Whether operators that the genotype does not list stay, without weight.

    Raises:
        ConfigError: The genotype is of another fabric, or keeps a cell that reads a pruned one.
    """
    record = read_genotype(genotype)
    macro = record.macro['backbone'] if part == 'backbone' else record.macro
    numbers = dict(
        depth=plan.depth,
        size_types=list(plan.size_types),
        factor=plan.factor,
        hidden_states=plan.hidden_states,
        cut_layers=plan.first_layer,
        reserve_layers=plan.layers[-1][0].layer + 1,
    )
    check_macro(macro, numbers)
    cells = {
        name.removeprefix(f'{part}.'): cell
        for name, cell in record.cells.items()
        if name.startswith(f'{part}.')
    }
    known = {cell.name for layer in plan.layers for cell in layer}
    if not cells or not cells.keys() <= known:
        raise ConfigError(
            f'a genotype must list cells of {part!r} out of {sorted(known)}, got {sorted(cells)}'
        )
    kept: list[tuple[CellPlan | None, ...]] = []
    for layer in plan.layers:
        before = kept[-1] if kept else None
        kept.append(
            tuple(
                _prune_cell(cell, cells[cell.name], plan.operators, part, before)
                if cell.name in cells
                else None
                for cell in layer
            )
        )
        if keep_operators:
            pairs = zip(kept[-1], layer, strict=True)
            kept[-1] = tuple(cell and replace(cell, edges=whole.edges) for cell, whole in pairs)
    if None in kept[-1] and plan.layers[-1][0].layer == plan.depth - 1:
        raise ConfigError(f'the last cell of {part!r} must be kept: its output is the result')
    return replace(
        plan,
        layers=tuple(kept),
        input_gain=float(macro.get('input_gain', plan.input_gain)),
        op_gain=float(macro.get('op_gain', plan.op_gain)),
    )


def write_cells(plan: FabricPlan, part: str) -> dict[str, Cell]:
    """Write the cells of a plan with weights, such that :func:`prune_plan` reads them back.

    Args:
        plan: What is kept, with its weights.
        part: What the fabric is called: its cells become ``<part>.<j>_<i>``.
    """
    cells = {}
    for cell in plan.cells:
        is_first = cell.layer == plan.first_layer
        inputs = tuple(
            Slot(slot, _name_source(cell, cell.sources[slot], part, is_first), weight)
            for slot, weight in zip(SLOTS, cell.input_weight, strict=True)
            if slot in cell.sources
        )
        edges = iter(zip(cell.edges, cell.edge_weight, strict=True))
        nodes = tuple(
            tuple(
                Edge(source, weights=weights)
                for source, (operators, row) in enumerate(islice(edges, node + 1))
                if (weights := {name: row[c] for c, name in operators.items() if row[c] > 0})
            )
            for node in range(plan.hidden_states)
        )
        output = tuple(range(1, plan.hidden_states + 1))
        cells[f'{part}.{cell.name}'] = Cell('fabric', inputs, nodes, output)
    return cells


def _name_source(cell: CellPlan, source: int, part: str, is_first: bool) -> str:
    """Name what a slot of a cell reads: a cell, or what is handed to the first layer."""
    if not is_first:
        return f'{part}.{cell.layer - 1}_{source}'
    return f'level_{source}' if cell.layer else 'stem'


def _prune_cell(
    plan: CellPlan,
    cell: Cell,
    operators: Sequence[str],
    part: str,
    before: Sequence[CellPlan | None] | None,
) -> CellPlan:
    """Keep the slots and operators of one cell that the genotype lists."""
    where = f'cells[{f"{part}.{plan.name}"!r}]'
    weights = {slot.slot: slot.weight for slot in cell.inputs}
    if not weights:
        raise ConfigError(f'{where}.inputs must keep at least one slot')
    for slot in cell.inputs:
        source = plan.sources[slot.slot]
        _check_source(f'{where}.inputs', slot.source, plan, source, part, before)
    edge_weight = [[0.0] * len(operators) for _ in plan.edges]
    first_edge = 0
    for node, edges in enumerate(cell.nodes):
        for edge in edges:
            for name, weight in edge.weights.items():
                if name not in operators:
                    raise ConfigError(
                        f'{where} must mix operators out of {list(operators)}, got {name!r}: add '
                        'it to operators, in the order of the search'
                    )
                edge_weight[first_edge + edge.source][operators.index(name)] = weight
        first_edge += node + 1
    if first_edge != len(plan.edges) or cell.merge != 'concat':
        raise ConfigError(f'{where} must concatenate the nodes of all hidden states, got {cell}')
    return replace(
        plan,
        sources={slot: plan.sources[slot] for slot in SLOTS if slot in weights},
        edges=tuple(
            {column: name for column, name in enumerate(operators) if row[column] > 0}
            for row in edge_weight
        ),
        input_weight=tuple(weights.get(slot, 0.0) for slot in SLOTS),
        edge_weight=tuple(map(tuple, edge_weight)),
    )


def _check_source(
    where: str,
    stated: str,
    plan: CellPlan,
    source: int,
    part: str,
    before: Sequence[CellPlan | None] | None,
) -> None:
    """Require a slot to read what it reads by the wiring, and that to be there."""
    wired = _name_source(plan, source, part, is_first=before is None)
    if stated != wired:
        raise ConfigError(f"{where} must read {wired!r} by the fabric's wiring, got {stated!r}")
    if before is not None and before[source] is None:
        raise ConfigError(f'{where} reads {wired!r}, which the genotype does not keep')


def weigh_plan(
    plan: FabricPlan, weights: CellWeights, threshold: float = 0.0, keep_operators: bool = False
) -> FabricPlan:
    """Give the cells of a plan their weights and drop slots and operators without any.

    Args:
        plan: What there is.
        weights: Of each cell of ``plan.layers``.
        threshold: Weights below it count as zero, and the rest of their row is enlarged to the
            same sum; the largest of a row stays.
        keep_operators: Whether operators without weight stay.
    """
    given = iter(weights)
    layers = [[(cell, next(given)) for cell in layer] for layer in plan.layers]
    return replace(
        plan,
        layers=tuple(
            tuple(cell and _weigh_cell(cell, *own, threshold, keep_operators) for cell, own in row)
            for row in layers
        ),
    )


def _weigh_cell(
    cell: CellPlan,
    slots: Sequence[float],
    operators: Sequence[Sequence[float]],
    threshold: float,
    keep_operators: bool,
) -> CellPlan:
    slots = _cut_row(slots, threshold)
    rows = [_cut_row(row, threshold) for row in operators]
    edges = tuple(
        {column: name for column, name in edge.items() if keep_operators or row[column] > 0}
        for edge, row in zip(cell.edges, rows, strict=False)  # a cell may have dead edges
    )
    kept = [slot for slot, weight in zip(SLOTS, slots, strict=True) if weight > 0]
    return replace(
        cell,
        sources={slot: cell.sources[slot] for slot in kept},
        edges=edges,
        input_weight=tuple(slots),
        edge_weight=tuple(
            tuple(weight if column in edge else 0.0 for column, weight in enumerate(row))
            for edge, row in zip(edges, rows, strict=False)
        ),
    )


def _cut_row(row: Sequence[float], threshold: float) -> list[float]:
    """Set small weights to zero without changing the sum."""
    row = [float(weight) for weight in row]
    largest = max(row, default=0.0)
    kept = [weight if weight >= threshold or weight == largest else 0.0 for weight in row]
    if kept == row:
        return row
    return [weight * sum(row) / sum(kept) for weight in kept]


def keep_read(plan: FabricPlan, wanted: Collection[int] | None = None) -> FabricPlan:
    """Drop the cells whose maps nothing reads.

    Args:
        plan: With weights; slots without any are missing.
        wanted: Scales of the last layer that are read; None means all.
    """
    read = {cell.scale for cell in plan.layers[-1] if cell is not None}
    read &= read if wanted is None else set(wanted)
    layers: list[tuple[CellPlan | None, ...]] = []
    for layer in reversed(plan.layers):
        kept = tuple(cell if cell is not None and cell.scale in read else None for cell in layer)
        read = {source for cell in kept if cell is not None for source in cell.sources.values()}
        layers.insert(0, kept)
    return replace(plan, layers=tuple(layers))


def write_fabrics(
    plans: Mapping[str, FabricPlan],
    backbone: FabricPlan | None,
    parts: Mapping[str, Sequence[int]],
    representation: Mapping,
    overlap: str,
    name: str,
    skeleton: str | None = None,
) -> Genotype:
    """Write the genotype of a network of neural fabrics.

    Args:
        plans: Fabric of each part, with weights.
        backbone: Fabric that serves as the backbone, with weights; None if it is no fabric.
        parts: Keypoints of each part, in the order of the parts.
        representation: How the representation writes itself.
        overlap: As in :class:`CNFHead`.
        name: What people will call it.
        skeleton: Name of the skeleton whose parts these are; None where they are given.
    """
    named = dict(skeleton=skeleton) if skeleton else {}
    cells = {key: cell for part, plan in plans.items() for key, cell in _cells(plan, part)}
    if backbone is not None:
        cells.update(_cells(backbone, 'backbone'))
    plan = next(iter(plans.values()))
    macro = dict(
        **named,
        **_write_sizes(plan),
        cut_layers=plan.first_layer,
        overlap=overlap,
        representation=dict(representation),
        parts={part: list(joints) for part, joints in parts.items()},
        backbone=None
        if backbone is None
        else dict(
            _write_sizes(backbone), reserve_layers=backbone.first_layer + len(backbone.layers)
        ),
    )
    genotype = Genotype('pnfs', name, dict(id='cnf/1'), macro, cells)
    return Genotype.from_dict(genotype.to_dict())


def _cells(plan: FabricPlan, part: str) -> Iterable:
    return write_cells(plan, part).items()


def _write_sizes(plan: FabricPlan) -> dict[str, object]:
    return dict(
        depth=plan.depth,
        size_types=list(plan.size_types),
        factor=plan.factor,
        hidden_states=plan.hidden_states,
        input_gain=plan.input_gain,
        op_gain=plan.op_gain,
    )
