"""A neural fabric: cells on a grid of layers and scales."""

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from posenas.genotype import Genotype
from posenas.genotype.fabrics.plan import SLOTS, CellPlan, plan_fabric
from posenas.genotype.fabrics.pruning import prune_plan
from posenas.models.layers.fabrics.cell import FabricCell
from posenas.models.layers.mixing_weights import NORMALISATIONS, mixing_weights
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_choice


@MODELS.register_module()
class CellFabric(BaseModule):
    """Cells of several scales; each reads its neighbours in the layer before.

    Yang et al., Pose Neural Fabrics Search, 2019: cell-based neural fabric (CNF). ``alphas`` weigh
    the operators on the edges inside cells, ``betas`` the inputs of each cell; their softmax stays
    in the network. With a genotype only what it lists is built, under the same names, and the
    weights are its own: a pruned checkpoint is a part of the whole one.
    Differs from the paper's code: the wiring follows the number of levels that there are, so that
    no combination is wired one way and built another.

    Args:
        depth: Layers D of the whole fabric.
        operators: Candidate operators by name, in the order of the columns of ``alphas``.
        cut_layers: First layer C that is built; pyramid levels take the place of those before.
        reserve_layers: First layer that is not built any more; None builds all D.
        num_levels: Pyramid levels handed in, P; None takes as many as layer C - 1 has cells.
        size_types: Strides of the scales; each is twice the one before.
        factor: Channels of a scale divided by its stride.
        hidden_states: Hidden states of a cell.
        share_alpha: Whether all cells share one set of ``alphas``, (E, O), else (cells, E, O).
        genotype: Pruned form, ``pose-genotype/1``.
        part: Which fabric of the genotype this is.
        finetune_arch: Whether the genotype's weights are trained on.
        keep_operators: Whether operators that the genotype gives no weight are built too; they
            add nothing to the output.
        legacy_nodes: Whether cells have the edges of a second input node, which never runs, as the
            published checkpoints do.
        normalise: What makes weights of ``alphas`` and ``betas``: 'softmax', as published, or
            'sparsemax', which lets a search end with zeros.
        init_cfg: Initialisation; None leaves PyTorch's.

    Raises:
        ConfigError: The numbers do not fit each other, or the genotype is of another fabric.
    """

    def __init__(
        self,
        depth: int,
        operators: Sequence[str],
        cut_layers: int = 0,
        reserve_layers: int | None = None,
        num_levels: int | None = None,
        size_types: Sequence[int] = (4, 8, 16, 32),
        factor: int = 16,
        hidden_states: int = 1,
        share_alpha: bool = True,
        genotype: Mapping | Genotype | None = None,
        part: str = '',
        finetune_arch: bool = False,
        legacy_nodes: bool = False,
        normalise: str = 'softmax',
        keep_operators: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_choice('normalise', normalise, NORMALISATIONS)
        plan = plan_fabric(
            depth,
            operators,
            cut_layers,
            reserve_layers,
            num_levels,
            size_types,
            factor,
            hidden_states,
        )
        if genotype is not None:
            plan = prune_plan(plan, genotype, part, keep_operators)
        self.plan = plan
        self.normalise = normalise
        self.alphas = self.betas = None
        if genotype is None:
            shape = (plan.num_edges, len(plan.operators))
            self.alphas = nn.Parameter(
                torch.zeros(shape if share_alpha else (plan.num_cells, *shape))
            )
            self.betas = nn.Parameter(torch.zeros(plan.num_cells, len(SLOTS)))
        for cell in plan.cells:
            module = FabricCell(
                cell,
                plan.channels[cell.scale],
                hidden_states,
                dead_edges=hidden_states if legacy_nodes else 0,
                finetune_arch=finetune_arch,
            )
            self.add_module(f'cell_{cell.name}', module)

    def arch_parameters(self) -> dict[str, nn.Parameter]:
        """Return the parameters that weigh operators and inputs, by name."""
        names = ('alphas', 'betas', 'input_logit', 'edge_logit')
        return {
            name: parameter
            for name, parameter in self.named_parameters()
            if name.rpartition('.')[2] in names
        }

    def forward(self, levels: Sequence[Tensor | None]) -> tuple[Tensor | None, ...]:
        """Run all layers.

        Args:
            levels: Maps (B, factor * s, H / s, W / s) for strides s from the finest on, H and W
                those of the image; those in no ``plan.levels_read`` may be None.

        Returns:
            The maps of the last layer, of the same form; None for pruned cells.

        Raises:
            ConfigError: The maps are not those that the fabric was built for.
        """
        self._check_levels(levels)
        mixes = iter(self.factors())
        maps = tuple(levels)
        for layer in self.plan.layers:
            maps = tuple(self._run_cell(cell, maps, next(mixes)) for cell in layer)
        return maps

    def _run_cell(
        self, cell: CellPlan | None, maps: Sequence[Tensor | None], mix: tuple[Tensor, Tensor]
    ) -> Tensor | None:
        """Run one cell on the maps of the layer before."""
        if cell is None:
            return None
        inputs = [maps[cell.sources[slot]] if slot in cell.sources else None for slot in SLOTS]
        return getattr(self, f'cell_{cell.name}')(inputs, *mix)

    def arch_weights(self) -> dict[str, Tensor]:
        """Return what ``alphas`` and ``betas`` weigh, by name; nothing with a genotype."""
        logits = {} if self.betas is None else dict(alphas=self.alphas, betas=self.betas)
        return {name: mixing_weights(rows, self.normalise) for name, rows in logits.items()}

    def cell_weights(self) -> list[tuple[Tensor, Tensor] | None]:
        """Return the weights of slots (3,) and operators (E, O) of each cell; None if pruned.

        The cells are those of ``plan.layers``, layer by layer; the gains are not included.
        """
        plan = self.plan
        if self.betas is None:
            cells = [cell for layer in plan.layers for cell in layer]
            return [cell and getattr(self, f'cell_{cell.name}').own_weights() for cell in cells]
        weights = self.arch_weights()
        alphas = weights['alphas'].expand(plan.num_cells, -1, -1)
        return list(zip(weights['betas'], alphas, strict=True))

    def factors(self) -> list[tuple[Tensor, Tensor] | None]:
        """Return the factors of slots and operators of each cell; None for pruned ones."""
        gains = self.plan.input_gain, self.plan.op_gain
        return [mix and (gains[0] * mix[0], gains[1] * mix[1]) for mix in self.cell_weights()]

    def _check_levels(self, levels: Sequence[Tensor | None]) -> None:
        """Require the maps that are read to be there, in the channels and sizes of their scales."""
        plan = self.plan
        if torch.jit.is_tracing():
            return
        if not plan.fits(len(levels)):
            raise ConfigError(
                f'the fabric was wired for {plan.num_levels} pyramid levels, got {len(levels)}: '
                f'set num_levels={len(levels)} in fabric'
            )
        height, width = self._image_size(levels)
        stride = plan.stride
        for i in plan.levels_read:
            wanted = (plan.channels[i], height // plan.size_types[i], width // plan.size_types[i])
            if height % stride or width % stride or tuple(levels[i].shape[1:]) != wanted:
                raise ConfigError(
                    f'level {i} of a fabric must have {plan.channels[i]} channels (factor x '
                    f'stride {plan.size_types[i]}) and come from an image whose sides are '
                    f'multiples of {stride}, got shape {tuple(levels[i].shape)}: change '
                    'input_size, factor, or put a PartReduceNeck in front'
                )

    def _image_size(self, levels: Sequence[Tensor | None]) -> tuple[int, int]:
        """Return height and width of the image as the finest map that is read shows them."""
        finest = min(self.plan.levels_read)
        height, width = levels[finest].shape[-2:]
        return height * self.plan.size_types[finest], width * self.plan.size_types[finest]
