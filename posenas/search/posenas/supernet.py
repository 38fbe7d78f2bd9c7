"""The supernet of PoseNAS: an estimator that is all networks of the space at once."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.genotype import Genotype
from posenas.models.estimators import TopdownPoseEstimator
from posenas.registry import MODELS
from posenas.search.derived_network import Extract
from posenas.search.posenas.backbone import PoseNASSearchBackbone
from posenas.search.posenas.cost import CostTable, make_cost_tables
from posenas.search.posenas.discretize import derive_cells
from posenas.search.posenas.space import CellGroup, PoseNASSpace
from posenas.search.space import Arch
from posenas.search.supernet import Supernet
from posenas.utils import ConfigError
from posenas.utils.randomness import Stream, derive_seed

_EDGE = re.compile(r'(?P<cell>.*)\._ops\.(?P<edge>\d+)\.(?P<leaf>.*)')
_INPUT = re.compile(r'(?P<cell>.*upsamples\.(?P<k>\d))\.preprocess(?P<i>[01])\.(?P<leaf>.*)')


@MODELS.register_module()
class PoseNASSupernet(Supernet, TopdownPoseEstimator):
    """Search the cells of encoder and decoder together, on poses.

    Bao et al., Pose-native Network Architecture Search for Multi-person Human Pose Estimation, ACM
    MM 2020, whose search was not released. The loss, of all stages, reaches weights and
    architecture parameters alike; how both are trained is the loop's business.

    Args:
        backbone: Config of a :class:`PoseNASSearchBackbone`.
        head: Config of the head.
        max_skip: Most skip connections that the normal cell of the result may keep; None sets no
            limit.
        **kwargs: Further arguments of :class:`TopdownPoseEstimator`.

    Raises:
        ConfigError: The backbone is another one.
    """

    def __init__(
        self, backbone: dict, head: dict, max_skip: int | None = None, **kwargs: object
    ) -> None:
        super().__init__(backbone=backbone, head=head, **kwargs)
        if not isinstance(self.backbone, PoseNASSearchBackbone):
            raise ConfigError(
                "backbone must be of type 'PoseNASSearchBackbone', got "
                f'{backbone.get("type")!r}: a derived network is a TopdownPoseEstimator'
            )
        self._cfg = deepcopy(dict(kwargs, backbone=dict(backbone), head=dict(head)))
        self.max_skip = max_skip
        self._tables: dict[tuple[int, ...], CostTable] = {}

    @property
    def space(self) -> PoseNASSpace:
        """The architectures it holds."""
        return self.backbone.space

    def set_arch(self, arch: Arch | None) -> None:
        """Become the network of ``arch``; None: the relaxation again.

        Raises:
            ConfigError: ``arch`` lies outside the space.
        """
        self.backbone.set_arch(arch)

    def arch_parameters(self) -> dict[str, nn.Parameter]:
        """Return alphas (operations), betas (edges) and gammas (maps) by their full name."""
        return {
            f'backbone.arch.{name}': parameter
            for name, parameter in self.backbone.arch.named_parameters()
        }

    def arch_weights(self) -> dict[str, Tensor]:
        """Return the probabilities of the operations of each edge, rows that sum to 1."""
        return {
            f'backbone.arch.alpha.{group.key}': self.backbone.weights_of(group)
            for group in self.space.groups
        }

    @property
    def candidates(self) -> dict[str, tuple[str, ...]]:
        """Operations of each group."""
        return {group.key: group.operations for group in self.space.groups}

    def expected_macs(self, input_size: Sequence[int]) -> Tensor:
        """Return the multiply-accumulates that the relaxation expects of its network, ().

        Args:
            input_size: (width, height) of the images.
        """
        key = tuple(input_size)
        if key not in self._tables:
            tables = make_cost_tables(self._cfg['backbone'], self._cfg['head'], key)
            self._tables[key] = tables['macs']
        return self._tables[key].expect(self.backbone)

    def draw(self, generator: torch.Generator, temperature: float) -> None:
        """Set the temperature and draw the operations that run until the next draw."""
        self.backbone.draw(generator, temperature)

    def set_skip_dropout(self, rate: float) -> None:
        """Drop values of skip connections with probability ``rate`` in training."""
        for module in self.backbone.modules():
            if isinstance(module, nn.Dropout):
                module.p = rate

    def set_auxiliary_skip(self, weight: float) -> None:
        """Add to every edge of the relaxation ``weight`` times its own input."""
        self.backbone.auxiliary_skip = weight

    def read_arch(self) -> Arch:
        """Return the architecture that is set, or the strongest edges and operations."""
        if self.backbone.set_to is not None:
            return self.backbone.set_to
        return derive_cells(self.space, *self.read_strengths(), self.max_skip)

    @torch.no_grad()
    def read_strengths(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return what :func:`derive_cells` reads, float64 on the CPU, at temperature 1.

        Returns:
            Group -> probability of each operation times share of its edge, (E, O); input of a
            fusion cell -> share of each map, (N,).
        """
        backbone = self.backbone
        cells = {g.key: self._strengths_of(g) for g in self.space.groups}
        gammas = backbone.arch['gamma'].items() if 'gamma' in backbone.arch else ()
        inputs = {name: gamma.double().softmax(-1).cpu() for name, gamma in gammas}
        return cells, inputs

    def _strengths_of(self, group: CellGroup) -> Tensor:
        weights = self.backbone.weights_of(group).double()
        if 'beta' in self.backbone.arch:
            weights = weights * self.backbone.edge_weights_of(group).double()[:, None]
        return weights.cpu()

    def extract(self, arch: Arch, bn_stats: Mapping[str, Tensor] | None = None) -> Extract:
        """Cut out the network of ``arch``.

        Operations that saw a share of the channels (``partial_k``) have no weights to inherit; the
        derived network then starts from its own initialisation there.

        Args:
            arch: A point of the space.
            bn_stats: Statistics of batch norms that replace ours, by their name in our state dict.

        Returns:
            Config of a :class:`TopdownPoseEstimator`, its state dict, and the genotype.
        """
        genotype = self.space.to_genotype(arch)
        backbone = dict(type='PoseNAS', genotype=genotype.to_dict())
        if self._cfg['backbone'].get('in_channels', 3) != 3:
            backbone['in_channels'] = self._cfg['backbone']['in_channels']
        cfg = deepcopy(dict(self._cfg, type='TopdownPoseEstimator', backbone=backbone))
        ours = {**self.state_dict(), **(bn_stats or {})}
        return cfg, _inherit(cfg, ours, genotype, self.space), genotype


def _inherit(
    cfg: dict, ours: Mapping[str, Tensor], genotype: Genotype, space: PoseNASSpace
) -> dict[str, Tensor]:
    """Fill the state dict of a derived network from that of the supernet."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(Stream.DERIVED_WEIGHTS, 0))
        network = MODELS.build(deepcopy(cfg))
        # what a supernet has no weights for: norms that shift nothing, operations of all channels
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.001)
            elif isinstance(module, _BatchNorm):
                module.reset_parameters()
    state = network.state_dict()
    for name, value in state.items():
        found = ours.get(_find_origin(name, genotype, space))
        if found is not None and found.shape == value.shape:
            state[name] = found.detach().clone()
    return dict(state)


def _find_origin(name: str, genotype: Genotype, space: PoseNASSpace) -> str:
    """Return the name that an entry of a derived network has in the supernet."""
    group = _find_group(name, space)
    if group is None:
        return name
    edge = _EDGE.fullmatch(name)
    if edge:
        cell, k = genotype.cells[group.name], int(edge['edge'])
        node, end = divmod(k, 2)
        source, op = cell.nodes[node][end].source, cell.nodes[node][end].op
        i = group.edges.index((node + cell.num_states, source))
        return f'{edge["cell"]}._ops.{i}.ops.{group.operations.index(op)}.{edge["leaf"]}'
    choice = _INPUT.fullmatch(name)
    if choice and space.dense_fusion:
        k, i = int(choice['k']), int(choice['i'])
        level = genotype.macro['sources'][k][i]
        j = space.source_levels(k + 1)[i].index(level)
        return f'{choice["cell"]}.preprocess{i}.sources.{j}.{choice["leaf"]}'
    return name


def _find_group(name: str, space: PoseNASSpace) -> CellGroup | None:
    """Return the group of the cell that an entry belongs to."""
    fusion = re.match(r'backbone\.stage\d\.upsamples\.(\d)\.', name)
    if fusion:
        return space.groups[2 + int(fusion[1])]
    encoder = re.match(r'backbone\.(cells|refine_cells)\.(\d+)\.', name)
    if not encoder:
        return None
    macro = space.macro if encoder[1] == 'cells' else space.macro['refine']
    return space.groups[int(int(encoder[2]) in macro['reductions'])]
