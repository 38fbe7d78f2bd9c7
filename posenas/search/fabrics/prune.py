"""Pruning of neural fabrics: what has no weight, or feeds nothing, is pruned.

Without a threshold the outputs stay as they are. The published code for Yang et al., Pose Neural
Fabrics Search, 2019, prunes too; differs from it: slots at the border that read the map of another
slot protect what they really read, adaptors of unread slots and reductions of unread levels go
too, and so do cells of a fabric that serves as the backbone.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from posenas.genotype.fabrics.model import write_fabric_model
from posenas.genotype.fabrics.plan import FabricPlan
from posenas.genotype.fabrics.pruning import keep_read, weigh_plan, write_fabrics
from posenas.models import make_parts
from posenas.models.backbones import CNFBackbone
from posenas.models.heads import CNFHead
from posenas.models.layers import CellFabric
from posenas.registry import MODELS
from posenas.utils import CheckpointError, ConfigError, check_probability

if TYPE_CHECKING:
    from posenas.search.derived_network import Extract


#: Largest change of the output, relative to its largest absolute value, of a lossless pruning.
LOSSLESS = 1e-6


def prune_network(
    model: nn.Module,
    config: Mapping,
    threshold: float = 0.0,
    name: str = 'pruned',
    prune_cells: bool = True,
    prune_operations: bool = True,
) -> 'Extract':
    """Prune the neural fabrics of a network; its mixing weights are fixed in the genotype.

    Args:
        model: Estimator with a :class:`CNFHead`; it is only read.
        config: Config that built it.
        threshold: Weights below it count as zero; only 0 keeps the outputs.
        name: What people will call the genotype.
        prune_cells: Whether cells go that nothing reads.
        prune_operations: Whether operators without weight go; else the config says
            ``keep_operators``, since a genotype does not list them.

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
    options = (threshold, prune_cells, prune_operations)
    plans = {part: _prune_fabric(fabric, *options) for part, fabric in model.head.parts.items()}
    levels = set().union(*(plan.levels_read for plan in plans.values()))
    backbone = None
    if isinstance(model.backbone, CNFBackbone):
        backbone = _prune_fabric(model.backbone, *options, levels)
    representation = next(iter(model.head.parts.values())).representation.macro
    parts = config['head']['parts']
    genotype = write_fabrics(
        plans,
        backbone,
        make_parts(parts),
        representation,
        model.head.overlap,
        name,
        parts.get('dataset'),
    )
    pruned = write_fabric_model(genotype, config, keep_operators=not prune_operations)
    return pruned, _pick_state(model, pruned), genotype


def _prune_fabric(
    fabric: CellFabric,
    threshold: float,
    prune_cells: bool,
    prune_operations: bool,
    wanted: Collection[int] | None = None,
) -> FabricPlan:
    weights = [mix and tuple(map(torch.detach, mix)) for mix in fabric.cell_weights()]
    if not all(part.isfinite().all() for mix in weights if mix for part in mix):
        raise CheckpointError(
            'mixing weights must be finite to be pruned, got NaN or infinity in alphas or betas: '
            'take an earlier checkpoint'
        )
    plain = [mix and tuple(part.float().tolist() for part in mix) for mix in weights]
    plan = weigh_plan(fabric.plan, plain, threshold, keep_operators=not prune_operations)
    return keep_read(plan, wanted) if prune_cells else plan


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
