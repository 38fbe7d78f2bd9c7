"""Pruning of neural fabrics: what has no weight, or feeds nothing, is left out.

Without a threshold the outputs stay as they are. The published code for Yang et al., Pose Neural
Fabrics Search, 2019, prunes too; differs from it: slots at the border that read the map of another
slot protect what they really read, adaptors of unread slots and reductions of unread levels go
too, and so do cells of a fabric that serves as the backbone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from posenas.genotype import Genotype
from posenas.genotype.fabric_genotype import write_cells
from posenas.genotype.fabric_plan import SLOTS, CellPlan, FabricPlan
from posenas.models.backbones import CNFBackbone
from posenas.models.heads import CNFHead
from posenas.models.layers import CellFabric
from posenas.registry import MODELS
from posenas.search.fabrics.config import write_fabric_config
from posenas.skeletons import make_parts
from posenas.utils import CheckpointError, ConfigError, check_probability

if TYPE_CHECKING:
    from posenas.search.supernet import Extract

__all__ = [
    'LOSSLESS',
    'OutputChange',
    'compare_outputs',
    'keep_read',
    'prune_network',
    'weigh_plan',
    'write_fabrics',
]

#: Largest change of the output, relative to its largest absolute value, of a lossless pruning.
LOSSLESS = 1e-6
#: Weights of the slots (3,) and operators (E, O) of each cell, layer by layer; None if pruned.
CellWeights = Sequence[tuple[Sequence[float], Sequence[Sequence[float]]] | None]


def weigh_plan(plan: FabricPlan, weights: CellWeights, threshold: float = 0.0) -> FabricPlan:
    """Give the cells of a plan their weights and drop slots and operators without any.

    Args:
        plan: What there is.
        weights: Of each cell of ``plan.layers``.
        threshold: Weights below it count as zero, and the rest of their row is enlarged to the
            same sum; the largest of a row stays.
    """
    given = iter(weights)
    layers = [[(cell, next(given)) for cell in layer] for layer in plan.layers]
    return replace(
        plan,
        layers=tuple(
            tuple(None if cell is None else _weigh_cell(cell, *own, threshold) for cell, own in row)
            for row in layers
        ),
    )


def _weigh_cell(
    cell: CellPlan,
    slots: Sequence[float],
    operators: Sequence[Sequence[float]],
    threshold: float,
) -> CellPlan:
    slots = _cut_row(slots, threshold)
    rows = [_cut_row(row, threshold) for row in operators]
    edges = tuple(
        {column: name for column, name in edge.items() if row[column] > 0}
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


def prune_network(
    model: nn.Module, config: Mapping, threshold: float = 0.0, name: str = 'pruned'
) -> 'Extract':
    """Prune the neural fabrics of a network; its mixing weights are fixed in the genotype.

    Args:
        model: Estimator with a :class:`CNFHead`; it is only read.
        config: Config that built it.
        threshold: Weights below it count as zero; only 0 keeps the outputs.
        name: What people will call the genotype.

    Returns:
        Config, state dict and genotype of what is left.

    Raises:
        ConfigError: The network has no such head.
        CheckpointError: A weight is not finite, or the network lacks an entry of what is left.
    """
    check_probability('threshold', threshold)
    if not isinstance(model.head, CNFHead):
        raise ConfigError(
            'only networks of neural fabrics (CNFHead) can be pruned, got the head '
            f'{type(model.head).__name__}'
        )
    plans = {part: _prune_fabric(fabric, threshold) for part, fabric in model.head.parts.items()}
    levels = set().union(*(plan.levels_read for plan in plans.values()))
    backbone = None
    if isinstance(model.backbone, CNFBackbone):
        backbone = _prune_fabric(model.backbone, threshold, levels)
    representation = next(iter(model.head.parts.values())).representation.macro
    genotype = write_fabrics(
        plans, backbone, config['head']['parts'], representation, model.head.overlap, name
    )
    pruned = write_fabric_config(config, genotype)
    return pruned, _pick_state(model, pruned), genotype


def _prune_fabric(
    fabric: CellFabric, threshold: float, wanted: Collection[int] | None = None
) -> FabricPlan:
    weights = [mix and tuple(map(torch.detach, mix)) for mix in fabric.cell_weights()]
    if not all(part.isfinite().all() for mix in weights if mix for part in mix):
        raise CheckpointError(
            'mixing weights must be finite to be pruned, got NaN or infinity in alphas or betas: '
            'take an earlier checkpoint'
        )
    plain = [mix and tuple(part.float().tolist() for part in mix) for mix in weights]
    return keep_read(weigh_plan(fabric.plan, plain, threshold), wanted)


def write_fabrics(
    plans: Mapping[str, FabricPlan],
    backbone: FabricPlan | None,
    parts: Mapping,
    representation: Mapping,
    overlap: str,
    name: str,
) -> Genotype:
    """Write the genotype of a network of neural fabrics.

    Args:
        plans: Fabric of each part, with weights.
        backbone: Fabric that serves as the backbone, with weights; None if it is no fabric.
        parts: Config of the parts, as in :class:`CNFHead`.
        representation: How the representation writes itself.
        overlap: As in :class:`CNFHead`.
        name: What people will call it.
    """
    named = dict(skeleton=parts['dataset']) if 'dataset' in parts else {}
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
        parts={part: list(joints) for part, joints in make_parts(parts).items()},
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


def _pick_state(model: nn.Module, config: Mapping) -> dict[str, Tensor]:
    """Pick the entries of a pruned network from those of the whole one."""
    whole = model.state_dict()
    wanted = MODELS.build(deepcopy(dict(config))).state_dict()
    odd = [n for n, value in wanted.items() if n not in whole or whole[n].shape != value.shape]
    if odd:
        raise CheckpointError(
            f'a pruned network must be a part of the whole one, which lacks {odd[:6]}: give the '
            'config that the network was built from'
        )
    return {name: whole[name].detach().clone() for name in wanted}


class OutputChange(NamedTuple):
    """How much the heatmaps of two networks differ, relative to the largest absolute value.

    Attributes:
        largest: Largest difference.
        mean: Mean absolute difference.
    """

    largest: float
    mean: float


@torch.no_grad()
def compare_outputs(before: nn.Module, after: nn.Module, batches: Iterable[Tensor]) -> OutputChange:
    """Run two networks, in evaluation mode, on the same images.

    Args:
        before: Estimator.
        after: What it was turned into.
        batches: Normalised images, (B, 3, H, W) each.

    Raises:
        CheckpointError: An output of ``before`` is not finite, so nothing can be compared.
    """
    before.eval()
    after.eval()
    scale, largest, total, count = 0.0, 0.0, 0.0, 0
    for batch in batches:
        wanted, made = (_last_maps(model(batch, mode='tensor')) for model in (before, after))
        if not wanted.isfinite().all():
            raise CheckpointError(
                'outputs must be finite to be compared, got NaN or infinity before any change: '
                'take another checkpoint'
            )
        gap = (made - wanted).abs().nan_to_num(nan=float('inf'))
        scale = max(scale, float(wanted.abs().max()))
        largest = max(largest, float(gap.max()))
        total, count = total + float(gap.sum()), count + gap.numel()
    if not count:
        raise ConfigError('there must be an image at least to compare outputs on')
    unit = scale or 1.0
    return OutputChange(largest / unit, total / count / unit)


def _last_maps(maps: Tensor | Sequence[Tensor]) -> Tensor:
    return maps if isinstance(maps, Tensor) else maps[-1]
