"""Backbone of PoseNAS that holds every cell of the space at once."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby

import torch
from torch import Tensor, nn

from posenas.genotype.posenas.plan import describe_network, plan_network
from posenas.genotype.posenas.released import make_released_genotype
from posenas.models.backbones import PoseNASBackbone
from posenas.models.layers import checkpoint_module
from posenas.models.layers.posenas.fusion import Maps
from posenas.registry import MODELS
from posenas.search.posenas.cells import SearchCell, make_search_stage
from posenas.search.posenas.space import (
    DECODER_OPERATIONS,
    ENCODER_OPERATIONS,
    CellGroup,
    PoseNASSpace,
)
from posenas.search.relaxation import (
    RELAXATIONS,
    Mix,
    draw_gumbel,
    gumbel_weights,
    node_softmax,
    restrict,
    softmax_weights,
)
from posenas.search.space import Arch
from posenas.utils import ConfigError, check_choice, check_positive

#: Standard deviation of architecture parameters at the start.
_INIT_STD = 1e-3
#: Norm of cells during a search: scales and shifts would compete with the mixing weights.
_CELL_NORM = dict(type='BN', affine=False)


@MODELS.register_module()
class PoseNASSearchBackbone(PoseNASBackbone):
    """PoseNAS whose cells mix all candidates, of the sizes that a search trains.

    Cells of one group share their architecture parameters: normal and reduction cells of encoder
    and second round, and the three fusion cells of both stages. Without :meth:`set_arch` the output
    is that of the relaxation. Bao et al. released no search; relaxation after Liu et al., DARTS,
    ICLR 2019, edge weights and partial channels after Xu et al., PC-DARTS, ICLR 2020.
    Differs from PC-DARTS: edge weights are doubled, so that a node keeps the scale that its two
    edges will have.

    Args:
        layers: Cells of the encoder.
        init_channels: Channels C0 of the first convolution.
        encoder_ops: Candidates of encoder cells.
        decoder_ops: Candidates of fusion cells.
        num_stages: 1, or 2 with the second round.
        reductions: See :class:`PoseNAS`.
        taps: See :class:`PoseNAS`.
        refine: See :class:`PoseNAS`.
        fusion: See :class:`PoseNAS`.
        se_ratio: See :class:`PoseNAS`.
        dense_fusion: Whether fusion cells choose the maps that they read.
        strided_attention: See :class:`PoseNASSpace`.
        relax: 'softmax' runs all candidates, 'gumbel' a drawn one per edge.
        partial_k: Divides the channels that pass through the candidates; 1 is all.
        edge_norm: Whether edges have weights of their own, which sum to 1 at a node.
        with_cp: Whether cells are recomputed in the backward pass to save memory.
        in_channels: Channels of the image.
        init_cfg: Initialisation of the weights.

    Raises:
        ConfigError: ``partial_k`` without ``edge_norm``, or sizes that make no network.
    """

    def __init__(
        self,
        layers: int = 12,
        init_channels: int = 32,
        encoder_ops: Sequence[str] = ENCODER_OPERATIONS,
        decoder_ops: Sequence[str] = DECODER_OPERATIONS,
        num_stages: int = 2,
        reductions: Sequence[int] | None = None,
        taps: Sequence[int] | None = None,
        refine: Mapping | None = None,
        fusion: str = 'released',
        se_ratio: int | None = None,
        dense_fusion: bool = False,
        strided_attention: bool = False,
        relax: str = 'softmax',
        partial_k: int = 1,
        edge_norm: bool = True,
        with_cp: bool = False,
        in_channels: int = 3,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        check_choice('relax', relax, RELAXATIONS)
        check_positive('partial_k', partial_k)
        if partial_k > 1 and not edge_norm:
            raise ConfigError(
                f'partial_k={partial_k} needs edge_norm=True: otherwise the sampled channels '
                'change how good operations seem'
            )
        sizes = dict(layers=layers, init_channels=init_channels, num_stages=num_stages)
        plan = plan_network(
            make_released_genotype(),
            refine,
            **sizes,
            reductions=reductions,
            taps=taps,
            fusion=fusion,
            se_ratio=se_ratio,
        )
        space = PoseNASSpace(
            encoder_ops, decoder_ops, dense_fusion, strided_attention, describe_network(plan)
        )
        settings = dict(
            norm_cfg=_CELL_NORM,
            se_ratio=se_ratio,
            groups={group.key: group for group in space.groups},
            num_shares=partial_k,
        )
        super().__init__(
            plan,
            (space.groups[0].graph, space.groups[1].graph),
            partial(make_search_stage, space=space, **settings),
            dict(settings, cell_type=SearchCell),
            in_channels,
            init_cfg=init_cfg,
        )
        self.space, self.relax, self.partial_k, self.with_cp = space, relax, partial_k, with_cp
        self.arch = _make_parameters(space, edge_norm)
        self._legal = {group.key: _find_legal(group) for group in space.groups}
        self._set: Arch | None = None
        self._kept: dict[str, Tensor] = {}
        self._temperature, self.auxiliary_skip = 1.0, 0.0
        self._noise: dict[str, Tensor] = {}
        self._mixes: dict[str, Mix] = {}

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            d0 and, with two stages, e0: (B, 2 * C0, H / 4, W / 4) each, rectified.
        """
        self._mixes = {group.key: self.make_mix(group) for group in self.space.groups}
        try:
            return super().forward(x)
        finally:
            self._mixes = {}

    def run_cell(self, cell: SearchCell, first: Maps, second: Maps) -> Tensor:
        """Run one cell on its two inputs, maps (B, C, H, W) or lists of these."""
        mix = self._mixes[cell.key]
        if isinstance(first, list):
            inputs, run = (*first, *second), partial(_run_dense, cell, mix, len(first))
        else:
            inputs, run = (first, second), partial(cell, mix=mix)
        return checkpoint_module(cell, run, *inputs) if self.with_cp else run(*inputs)

    def set_arch(self, arch: Arch | None) -> None:
        """Run one operation on two edges of each node as ``arch`` says; None: the relaxation.

        Raises:
            ConfigError: ``arch`` lies outside the space.
        """
        if arch is not None:
            self.space.require(arch, 'an architecture must lie in the space')
        self._set = arch

    def restrict(self, kept: Mapping[str, Tensor]) -> None:
        """Take operations out of the relaxation, as :func:`restrict` of the relaxation does.

        Args:
            kept: Group -> whether an operation stays, (E, O); groups without are whole.

        Raises:
            ConfigError: The relaxation draws one operation per edge: most would not be missed.
        """
        if kept and self.relax != 'softmax':
            raise ConfigError(
                f"relax must be 'softmax' to take operations away, got {self.relax!r}: the weights "
                'can be loaded into a supernet that runs all candidates'
            )
        self._kept = dict(kept)

    @property
    def set_to(self) -> Arch | None:
        """The architecture that is set; None is the relaxation."""
        return self._set

    def draw(self, generator: torch.Generator, temperature: float) -> None:
        """Set the temperature and, for 'gumbel', draw the noise of every group."""
        self._temperature = temperature
        if self.relax == 'gumbel':
            self._noise = {
                key: draw_gumbel(alpha.shape, generator) for key, alpha in self.arch.alpha.items()
            }

    def weights_of(self, group: CellGroup, temperature: float = 1.0) -> Tensor:
        """Return the probabilities of the operations of each edge, (E, O)."""
        alpha = self.arch.alpha[group.key]
        return softmax_weights(alpha, self._legal[group.key].to(alpha.device), temperature)

    def edge_weights_of(self, group: CellGroup) -> Tensor:
        """Return the share of each edge in its node, (E,); equal ones without ``edge_norm``."""
        nodes = count_edges(group)
        if 'beta' in self.arch:
            return node_softmax(self.arch.beta[group.key], nodes)
        alpha = self.arch.alpha[group.key]
        return torch.cat([alpha.new_full((number,), 1 / number) for number in nodes])

    def make_mix(self, group: CellGroup) -> Mix:
        """Compute what the cells of ``group`` do in this pass."""
        if self._set is not None:
            return _fix_mix(self.space, group, self._set)
        alpha = self.arch.alpha[group.key]
        legal = self._legal[group.key].to(alpha.device)
        if self.relax == 'gumbel':
            noise = self._noise.get(group.key) if self.training else None
            noise = None if noise is None else noise.to(alpha)
            operations, chosen = gumbel_weights(alpha, legal, self._temperature, noise)
            columns = tuple((column,) for column in chosen)
        else:
            operations = softmax_weights(alpha, legal, self._temperature)
            columns = list_columns(group)
        # a node keeps two edges in the end
        edges = 2 * self.edge_weights_of(group) if 'beta' in self.arch else None
        mix = Mix(columns, operations, edges, self._mix_inputs(group), self.auxiliary_skip)
        kept = self._kept.get(group.key)
        return mix if kept is None else restrict(mix, kept.to(alpha.device))

    def _mix_inputs(self, group: CellGroup) -> tuple:
        if not (self.space.dense_fusion and group.kind == 'fusion'):
            return ()
        gammas = (self.arch.gamma[f'{group.key}_{end}'] for end in ('coarse', 'lateral'))
        return tuple((gamma.softmax(-1), tuple(range(len(gamma)))) for gamma in gammas)


def count_edges(group: CellGroup) -> list[int]:
    """Return the number of possible edges of each node."""
    return [len(list(edges)) for _, edges in groupby(group.edges, key=lambda edge: edge[0])]


def list_columns(group: CellGroup) -> tuple[tuple[int, ...], ...]:
    """Return the operations of each edge whose results are not zero anyway."""
    return tuple(
        tuple(
            column
            for column, name in enumerate(group.operations)
            if name != 'none' and group.is_legal(source, name)
        )
        for _, source in group.edges
    )


def _run_dense(cell: SearchCell, mix: Mix, num_coarse: int, *maps: Tensor) -> Tensor:
    """Run a fusion cell on the coarser and the lateral maps, one after the other."""
    return cell(list(maps[:num_coarse]), list(maps[num_coarse:]), mix)


def _fix_mix(space: PoseNASSpace, group: CellGroup, arch: Arch) -> Mix:
    """Return what the cells of ``group`` do in the network of ``arch``."""
    kept = {
        (node, source): (group.operations.index(operation),)
        for _, node, source, operation in group.kept_edges(arch)
    }
    columns = tuple(kept.get(edge, ()) for edge in group.edges)
    if not (space.dense_fusion and group.kind == 'fusion'):
        return Mix(columns)
    levels = space.source_levels(int(group.key.removeprefix('fuse')))
    chosen = (arch[f'{group.name}.{end}'] for end in ('coarse', 'lateral'))
    inputs = tuple(
        (None, (options.index(level),)) for options, level in zip(levels, chosen, strict=True)
    )
    return Mix(columns, inputs=inputs)


def _find_legal(group: CellGroup) -> Tensor:
    return torch.tensor(
        [[group.is_legal(s, name) for name in group.operations] for _, s in group.edges]
    )


def _make_parameters(space: PoseNASSpace, edge_norm: bool) -> nn.ModuleDict:
    """Make the architecture parameters of all groups."""

    def draw(*shape: int) -> nn.Parameter:
        return nn.Parameter(_INIT_STD * torch.randn(shape))

    groups = {group.key: group for group in space.groups}
    parameters = nn.ModuleDict(
        dict(
            alpha=nn.ParameterDict(
                {
                    key: draw(len(group.edges), len(group.operations))
                    for key, group in groups.items()
                }
            )
        )
    )
    if edge_norm:
        edges = {key: draw(len(group.edges)) for key, group in groups.items()}
        parameters['beta'] = nn.ParameterDict(edges)
    if space.dense_fusion:
        parameters['gamma'] = nn.ParameterDict(
            {
                f'fuse{number}_{end}': nn.Parameter(torch.zeros(len(levels)))
                for number in (1, 2, 3)
                for end, levels in zip(
                    ('coarse', 'lateral'), space.source_levels(number), strict=True
                )
            }
        )
    return parameters
