"""The supernet of neural fabrics: the network itself, whose mixing weights are searched."""

from collections.abc import Mapping, Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from posenas.models.estimators import TopdownPoseEstimator
from posenas.models.layers import CellFabric
from posenas.registry import MODELS
from posenas.search.derived_network import Extract
from posenas.search.fabrics.prune import prune_network
from posenas.search.fabrics.space import CNFSpace
from posenas.search.space import Arch
from posenas.search.supernet import Supernet
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model


@MODELS.register_module()
class CNFSupernet(Supernet, TopdownPoseEstimator):
    """Search the operators and connections of part-specific neural fabrics.

    Yang et al., Pose Neural Fabrics Search, 2019. Weights and names are those of the estimator
    without a search; the mixing weights stay in the network that is derived.

    Args:
        backbone: Config of the backbone; a :class:`CNFBackbone` is searched too.
        head: Config of a :class:`CNFHead`.
        search_alpha: Whether the weights of operators are trained.
        search_beta: Whether the weights of inputs are trained.
        **kwargs: Further arguments of :class:`TopdownPoseEstimator`.

    Attributes:
        plain_cfg: Config of the same network without a search.

    Raises:
        ConfigError: The head is another one, or has a genotype already.
    """

    def __init__(
        self,
        backbone: dict,
        head: dict,
        search_alpha: bool = True,
        search_beta: bool = True,
        **kwargs: object,
    ) -> None:
        if head.get('type') != 'CNFHead' or head['fabric'].get('genotype') is not None:
            raise ConfigError(
                "a CNFSupernet needs a head of type 'CNFHead' without a genotype, got "
                f'{head.get("type")!r}: derived networks are of type TopdownPoseEstimator'
            )
        super().__init__(backbone=backbone, head=head, **kwargs)
        parts = dict(kwargs, backbone=backbone, head=head)
        self.plain_cfg = deepcopy(dict(parts, type='TopdownPoseEstimator'))
        own = backbone if backbone.get('type') == 'CNFBackbone' else None
        options = {key: head[key] for key in ('representation', 'overlap') if key in head}
        self.space = CNFSpace(head['fabric'], head['parts'], **options, backbone=own)
        for name, parameter in self.arch_parameters().items():
            searched = search_alpha if name.endswith('alphas') else search_beta
            parameter.requires_grad_(searched and parameter.requires_grad)
        self._relaxed: dict[str, Tensor] | None = None
        self._macs: dict[tuple[int, ...], dict[str, int]] = {}

    def _fabrics(self) -> dict[str, CellFabric]:
        """Return all fabrics by their name in the model."""
        return {n: module for n, module in self.named_modules() if isinstance(module, CellFabric)}

    def arch_parameters(self) -> dict[str, nn.Parameter]:
        """Return the ``alphas`` and ``betas`` of all fabrics."""
        return {
            f'{prefix}.{name}': parameter
            for prefix, fabric in self._fabrics().items()
            for name, parameter in fabric.arch_parameters().items()
        }

    def arch_weights(self) -> dict[str, Tensor]:
        """Return the weights of operators (..., E, O) and inputs (cells, 3) of all fabrics."""
        return {
            f'{prefix}.{name}': weights
            for prefix, fabric in self._fabrics().items()
            for name, weights in fabric.arch_weights().items()
        }

    @torch.no_grad()
    def set_arch(self, arch: Arch | None) -> None:
        """Give the architecture parameters the values of ``arch``; None: those of before."""
        parameters = self.arch_parameters()
        if self._relaxed is None:
            self._relaxed = {name: p.detach().clone() for name, p in parameters.items()}
        for name, parameter in parameters.items():
            values = (
                self._relaxed[name]
                if arch is None
                else torch.tensor(arch[_decision(name)], dtype=parameter.dtype)
            )
            parameter.copy_(values.view_as(parameter))
        if arch is None:
            self._relaxed = None

    def read_arch(self) -> Arch:
        """Return the values of the architecture parameters."""
        return Arch(
            {
                _decision(name): parameter.detach().flatten().tolist()
                for name, parameter in self.arch_parameters().items()
            }
        )

    def sample_arch(self, rng: np.random.Generator) -> Arch:
        """Draw all logits that are searched; the others stay as they are."""
        return self._take_searched(self.space.sample(rng))

    def sample_published(self, seed: int) -> Arch:
        """Draw the logits that are searched as the published code does; see :class:`CNFSpace`."""
        return self._take_searched(self.space.draw_published(seed, self._searched()))

    def _searched(self) -> list[str]:
        """Name the decisions whose parameters are searched."""
        return [_decision(name) for name, p in self.arch_parameters().items() if p.requires_grad]

    def _take_searched(self, arch: Arch) -> Arch:
        """Return the values of now with those of ``arch`` for what is searched."""
        return self.read_arch() | {name: arch[name] for name in self._searched()}

    def expected_macs(self, input_size: Sequence[int]) -> Tensor:
        """Return those of operators and adaptors times their weights, and all of the rest, ()."""
        macs = self._profile(tuple(input_size))
        total = torch.zeros(())
        variable = 0
        for prefix, fabric in self._fabrics().items():
            weights = iter(fabric.cell_weights())
            for cell in (cell for layer in fabric.plan.layers for cell in layer):
                betas, alphas = next(weights)
                place = f'{prefix}.cell_{cell.name}'
                for slot, weight in enumerate(betas):
                    cost = macs[f'{place}.propress_list.{slot}']
                    total, variable = total + weight * cost, variable + cost
                for edge, row in enumerate(alphas):
                    for column in cell.edges[edge]:
                        cost = macs[f'{place}.cell_arch.{edge}.ops.{column}']
                        total, variable = total + row[column] * cost, variable + cost
        return total + (macs[''] - variable)

    def _profile(self, input_size: tuple[int, ...]) -> dict[str, int]:
        """Return the multiply-accumulates of every module for one image, by name."""
        if input_size not in self._macs:
            width, height = input_size
            with torch.device('meta'):
                twin = MODELS.build(deepcopy(self.plain_cfg))
                cost = profile_model(twin, torch.empty(1, 3, height, width))
            self._macs[input_size] = {m.name: m.operations.macs for m in cost.modules}
        return self._macs[input_size]

    def extract(self, arch: Arch, bn_stats: Mapping[str, Tensor] | None = None) -> Extract:
        """Cut out the network of ``arch``: what has no weight, or feeds nothing, is pruned."""
        previous = self.read_arch()
        relaxed = self._relaxed
        try:
            self.set_arch(arch)
            config, state, genotype = prune_network(self, self.plain_cfg, name='searched')
        finally:
            self.set_arch(previous)
            self._relaxed = relaxed
        state |= {name: value for name, value in (bn_stats or {}).items() if name in state}
        return config, state, genotype


def _decision(name: str) -> str:
    """Name the decision of the space that a parameter answers."""
    return name.removeprefix('head.parts.')
