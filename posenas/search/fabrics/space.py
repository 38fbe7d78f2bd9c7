"""The space of neural fabrics: weights of operators and inputs in every part of the body."""

from collections.abc import Collection, Mapping, Sequence
from math import log, prod

import torch

from posenas.genotype import Genotype
from posenas.genotype.fabrics.plan import SLOTS, CellPlan, FabricPlan
from posenas.genotype.fabrics.pruning import (
    keep_read,
    plan_part,
    prune_plan,
    read_genotype,
    weigh_plan,
    write_fabrics,
)
from posenas.models import make_parts
from posenas.models.layers.mixing_weights import NORMALISATIONS, mixing_weights
from posenas.registry import MODELS, TASK_UTILS
from posenas.search.space import Arch, Logits, SearchSpace
from posenas.utils import ConfigError, check_choice

#: Distance of logits below the others at which a softmax in float32 is exactly zero.
_ZERO_GAP = 120.0
#: Largest difference of weights that rounding explains.
_ROUNDING = 1e-4


@TASK_UTILS.register_module()
class CNFSpace(SearchSpace):
    """Continuous architectures of part-specific neural fabrics.

    Yang et al., Pose Neural Fabrics Search, 2019. The logits of :class:`CellFabric` decide:
    ``<part>.alphas`` and ``<part>.betas`` for every part and for a fabric that serves as backbone,
    called ``backbone``. Genotypes hold their weights, without zeros and what these leave unread.

    Args:
        fabric: Arguments of the parts' fabrics, as in :class:`CNFHead`.
        parts: Parts, likewise.
        representation: Config of the representation, likewise.
        overlap: What becomes of keypoints that several parts have, likewise.
        backbone: Config of a :class:`CNFBackbone`; None if the backbone is no fabric.
    """

    def __init__(
        self,
        fabric: Mapping,
        parts: Mapping,
        representation: Mapping | None = None,
        overlap: str = 'sum',
        backbone: Mapping | None = None,
    ) -> None:
        self.parts_cfg, self.overlap = dict(parts), overlap
        made = MODELS.build(dict(representation or dict(type='VectorRepresentation')))
        self.representation = made.macro
        fabrics = {name: dict(fabric, genotype=None) for name in make_parts(parts)}
        if backbone is not None:
            own = dict(reserve_layers=backbone['reserve_layers'], share_alpha=True, genotype=None)
            fabrics['backbone'] = {**backbone['fabric'], **own}
        self.plans: dict[str, FabricPlan] = {n: plan_part(cfg, n) for n, cfg in fabrics.items()}
        self.share_alpha = {n: cfg.get('share_alpha', True) for n, cfg in fabrics.items()}
        self.normalise = {n: cfg.get('normalise', 'softmax') for n, cfg in fabrics.items()}
        for kind in self.normalise.values():
            check_choice('normalise', kind, NORMALISATIONS)

    @property
    def decisions(self) -> tuple[Logits, ...]:
        """Logits of operators and inputs, fabric by fabric."""
        found = []
        for name, plan in self.plans.items():
            shape = (plan.num_edges, len(plan.operators))
            alphas = shape if self.share_alpha[name] else (plan.num_cells, *shape)
            found.append(Logits(f'{name}.alphas', alphas, group=name))
            found.append(Logits(f'{name}.betas', (plan.num_cells, len(SLOTS)), group=name))
        return tuple(found)

    def draw_published(self, seed: int, searched: Collection[str]) -> Arch:
        """Draw logits from a normal distribution as the published code does.

        One generator of torch, decision by decision: part by part, operators before inputs. A
        fabric that serves as backbone comes last; the published code cannot draw it, nor
        operators that each cell has of its own.

        Args:
            seed: Of the generator.
            searched: Decisions that are drawn; the others are zeros.
        """
        generator = torch.Generator().manual_seed(seed)
        return Arch(
            {
                d.name: torch.randn(d.shape, generator=generator).flatten().tolist()
                if d.name in searched
                else [0.0] * prod(d.shape)
                for d in self.decisions
            }
        )

    def to_genotype(self, arch: Arch) -> Genotype:
        """Write the weights that the logits of ``arch`` make, in float32."""
        weighed = {
            name: weigh_plan(plan, self._weigh(name, plan, arch))
            for name, plan in self.plans.items()
        }
        backbone = weighed.pop('backbone', None)
        kept = {name: keep_read(plan) for name, plan in weighed.items()}
        if backbone is not None:
            levels = set().union(*(plan.levels_read for plan in kept.values()))
            backbone = keep_read(backbone, levels)
        return write_fabrics(
            kept,
            backbone,
            make_parts(self.parts_cfg),
            self.representation,
            self.overlap,
            'searched',
            self.parts_cfg.get('dataset'),
        )

    def from_genotype(self, genotype: Genotype) -> Arch:
        """Find logits that make the weights of ``genotype``; what is pruned gets equal ones.

        Raises:
            ConfigError: It is of other fabrics, or its weights are not those of a mix.
        """
        record = read_genotype(genotype)
        values = {}
        for name, plan in self.plans.items():
            cells = [cell for layer in prune_plan(plan, record, name).layers for cell in layer]
            betas = [
                [0.0] * len(SLOTS) if cell is None else self._invert(name, [cell.input_weight])
                for cell in cells
            ]
            alphas = [
                None if cell is None else self._invert(name, _add_zero(cell, plan.operators))
                for cell in cells
            ]
            values[f'{name}.betas'] = [logit for row in betas for logit in row]
            values[f'{name}.alphas'] = self._join(name, alphas)
        return Arch(values)

    def _weigh(self, name: str, plan: FabricPlan, arch: Arch) -> list[tuple[list, list]]:
        """Return the weights of slots and operators of each cell."""
        shapes = {decision.name: decision.shape for decision in self.decisions}
        alphas, betas = (
            mixing_weights(torch.tensor(arch[key]).reshape(shapes[key]), self.normalise[name])
            for key in (f'{name}.alphas', f'{name}.betas')
        )
        alphas = alphas.expand(plan.num_cells, -1, -1)
        return list(zip(betas.tolist(), alphas.tolist(), strict=True))

    def _invert(self, name: str, rows: Sequence[Sequence[float]]) -> list[float]:
        """Return flat logits of rows of weights."""
        off = [row for row in rows if abs(sum(row) - 1) > _ROUNDING]
        if off:
            raise ConfigError(
                f'weights of {name!r} in the genotype must sum to 1 in each row, got {off[0]}'
            )
        if self.normalise[name] == 'sparsemax':
            return [weight or -1.0 for row in rows for weight in row]  # well below the others
        logits = []
        for row in rows:
            floor = log(min(weight for weight in row if weight > 0)) - _ZERO_GAP
            logits += [log(weight) if weight > 0 else floor for weight in row]
        return logits

    def _join(self, name: str, alphas: list[list[float] | None]) -> list[float]:
        """Join the operators' logits of all cells, or find the one set that they share."""
        given = [rows for rows in alphas if rows is not None]
        if not self.share_alpha[name]:
            return [logit for rows in alphas for logit in rows or [0.0] * len(given[0])]
        first = given[0]
        if any(abs(a - b) > _ROUNDING for rows in given for a, b in zip(rows, first, strict=True)):
            raise ConfigError(
                f'the cells of {name!r} must share the weights of their operators, got different '
                'weights in the genotype: set share_alpha=False in fabric'
            )
        return first


def _add_zero(cell: CellPlan, operators: tuple[str, ...]) -> list[list[float]]:
    """Give ``Zero``, which genotypes prune, what is missing to the sum of each row."""
    rows = [list(row) for row in cell.edge_weight]
    if 'Zero' in operators:
        column = operators.index('Zero')
        for row in rows:
            rest = 1 - sum(row)
            row[column] = rest if rest > _ROUNDING / 100 else 0.0
    return rows
