"""PoseNAS: a searched encoder, a searched fusion decoder, and a second round through both."""

from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.genotype import Cell, Genotype
from posenas.models.layers.checkpointing import checkpoint_module
from posenas.models.layers.input_size import check_input_multiple
from posenas.models.layers.posenas_cells import (
    count_outputs,
    make_encoder_cell,
    make_fusion_cell,
)
from posenas.models.layers.posenas_operations import make_norm, make_relu_conv_bn
from posenas.models.layers.posenas_plan import CellPlan, plan_network
from posenas.models.layers.posenas_released import make_released_genotype
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_probability

__all__ = ['FusionStage', 'PoseNAS']

_CELLS = ('encoder.normal', 'encoder.reduce', 'decoder.fuse1', 'decoder.fuse2', 'decoder.fuse3')


class FusionStage(nn.Module):
    """Fusion cells from the coarsest map to the finest.

    Args:
        cells: Graphs of the cells, the coarsest first.
        channels: Channels of the maps, the finest first.
        **settings: Further arguments of :func:`make_fusion_cell`.
    """

    def __init__(self, cells: Sequence[Cell], channels: Sequence[int], **settings: object) -> None:
        super().__init__()
        coarse_to_fine = channels[::-1]
        self.upsamples = nn.ModuleList(
            make_fusion_cell(cell, coarse, lateral, **settings)
            for cell, coarse, lateral in zip(
                cells, coarse_to_fine[:-1], coarse_to_fine[1:], strict=True
            )
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Fuse maps (B, channels[k], H / 2**k, W / 2**k), the finest first.

        Returns:
            Fused maps of all sizes but the coarsest, the finest first and rectified.
        """
        x, fused = features[-1], []
        for cell, lateral in zip(self.upsamples, reversed(features[:-1]), strict=True):
            x = cell(x, lateral)
            fused.append(x)
        fused[-1] = fused[-1].relu()
        return fused[::-1]


@MODELS.register_module()
class PoseNAS(BaseModule):
    """Encoder and decoder of searched cells; without arguments the published L18-C48.

    Bao et al., Pose-native Network Architecture Search for Multi-person Human Pose Estimation, ACM
    MM 2020. The encoder taps maps f0..f3 of strides 4 to 32; three fusion cells make d2, d1, d0 of
    them. The second stage runs further encoder cells on d0, adds what they find to the maps of the
    first stage and fuses once more to e0. Each size that is None is that of the genotype.

    Args:
        layers: Cells of the encoder.
        init_channels: Channels C0 of the first convolution.
        genotype: Architecture of family posenas; None is the published one.
        num_stages: 1, or 2 with the second round.
        reductions: Positions of the three cells that halve the size; needed where ``layers`` is
            neither 12 nor 18.
        taps: Cells whose outputs are f0..f3; the last of each size where None.
        refine: Those of ``layers``, ``channels``, ``reductions`` and ``taps`` of the second round
            that differ from the genotype.
        fusion: 'released' adds d_k twice, as the published code and weights do; 'intended' adds
            f_k and d_k and lets the second round see f0 too, at the cost of one more projection.
        se_ratio: Bottleneck of channel attention; 2 in the first revision, 1 for none.
        drop_path: Probability that training drops an edge that is no identity.
        in_channels: Channels of the image.
        with_cp: Whether cells are recomputed in the backward pass to save memory.
        norm_cfg: Norm; None is a batch norm.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.

    Raises:
        ConfigError: Sizes or genotype do not make a network.
    """

    def __init__(
        self,
        layers: int | None = None,
        init_channels: int | None = None,
        genotype: Genotype | Mapping | None = None,
        num_stages: int | None = None,
        reductions: Sequence[int] | None = None,
        taps: Sequence[int] | None = None,
        refine: Mapping | None = None,
        fusion: str | None = None,
        se_ratio: int | None = None,
        drop_path: float = 0.0,
        in_channels: int = 3,
        with_cp: bool = False,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or _DEFAULT_INIT)
        check_probability('drop_path', drop_path)
        self.genotype = _read_genotype(genotype)
        self.plan = plan_network(
            self.genotype,
            refine,
            layers=layers,
            init_channels=init_channels,
            num_stages=num_stages,
            reductions=reductions,
            taps=taps,
            fusion=fusion,
            se_ratio=se_ratio,
        )
        self.with_cp, self.num_stages = with_cp, self.plan.num_stages
        settings = dict(drop_path=drop_path, norm_cfg=norm_cfg, se_ratio=self.plan.se_ratio)
        self._add_stem(in_channels, self.plan.init_channels, norm_cfg)
        cells = [self.genotype.cells[name] for name in _CELLS]
        stem_channels = 2 * self.plan.init_channels
        self.cells, channels = _make_cells(self.plan.encoder, cells[:2], stem_channels, settings)
        self.feat_dim = channels[0]
        self.stage1 = FusionStage(cells[2:], channels, **settings)
        if self.num_stages == 1:
            return
        width = self.plan.refine_channels
        self.reduce_channel_prev = make_relu_conv_bn(channels[0], width, norm_cfg=norm_cfg)
        self.refine_cells, refined = _make_cells(self.plan.refine, cells[:2], width, settings)
        for k, (c_in, c_out) in enumerate(zip(refined, channels, strict=True)):
            self.add_module(f'reduce_channel{k}', make_relu_conv_bn(c_in, c_out, norm_cfg=norm_cfg))
        self.stage2 = FusionStage(cells[2:], channels, **settings)

    def _add_stem(self, in_channels: int, channels: int, norm_cfg: dict | None) -> None:
        """Create three 3x3 convolutions with stride 4 together, the last one without ReLU."""

        def conv_bn(c_in: int, c_out: int, stride: int) -> list[nn.Module]:
            conv = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False)
            return [conv, make_norm(norm_cfg, c_out)]

        relu = nn.ReLU(inplace=True)
        self.stem0 = nn.Sequential(*conv_bn(in_channels, channels, 2), relu)
        self.stem1 = nn.Sequential(*conv_bn(channels, 2 * channels, 2), relu)
        self.stem2 = nn.Sequential(*conv_bn(2 * channels, 2 * channels, 1))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features from normalised images ``x``, (B, in_channels, H, W).

        Returns:
            d0 and, with two stages, e0: (B, 2 * C0, H / 4, W / 4) each, rectified.

        Raises:
            ConfigError: H or W is not a multiple of 32.
        """
        check_input_multiple(x, 32, 'PoseNAS')
        first = self.stem1(self.stem0(x))
        features = self._run_cells(self.cells, self.plan.encoder, first, self.stem2(first))
        fused = self.stage1(features)
        if self.num_stages == 1:
            return (fused[0],)
        return fused[0], self.stage2(self._refine(features, fused))[0]

    def _refine(self, features: Sequence[Tensor], fused: Sequence[Tensor]) -> list[Tensor]:
        """Compute what the second stage reads from f0..f3 and d0..d2."""
        coarsest = features[-1]
        if self.plan.fusion == 'intended':
            projected = self.reduce_channel_prev(fused[0])
            doubled = projected + self.reduce_channel_prev(features[0])
            summed = [f + d for f, d in zip(features[:-1], fused, strict=True)]
        else:
            # The release meant f_k + d_k but had overwritten f_k with d_k.
            projected = run_as_twice(self.reduce_channel_prev, fused[0])
            doubled = 2 * projected
            summed = [2 * d for d in fused]
        refined = self._run_cells(self.refine_cells, self.plan.refine, projected, doubled)
        return [
            h + getattr(self, f'reduce_channel{k}')(g)
            for k, (h, g) in enumerate(zip([*summed, coarsest], refined, strict=True))
        ]

    def _run_cells(
        self, cells: nn.ModuleList, plan: CellPlan, first: Tensor, second: Tensor
    ) -> list[Tensor]:
        """Run cells one after the other and return the outputs of the tapped ones."""
        outputs = []
        for cell in cells:
            run = (
                checkpoint_module(cell, cell, first, second)
                if self.with_cp
                else cell(first, second)
            )
            first, second = second, run
            outputs.append(second)
        return [outputs[tap] for tap in plan.taps]


def run_as_twice(unit: nn.Sequential, x: Tensor) -> Tensor:
    """Return ``unit(x)``, leaving the running statistics of its norms as two calls would.

    Two updates towards the same batch with momentum m are one with 1 - (1 - m) ** 2.

    Args:
        unit: Modules of which batch norms alone have a memory.
        x: Input.
    """
    norms = [m for m in unit if isinstance(m, _BatchNorm) and m.training and m.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.num_batches_tracked += 1
        # None means the mean over all batches, this one twice among them
        norm.momentum = (
            2 / (int(norm.num_batches_tracked) + 1) if momentum is None else 1 - (1 - momentum) ** 2
        )
    try:
        return unit(x)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _make_cells(
    plan: CellPlan, graphs: Sequence[Cell], in_channels: int, settings: dict
) -> tuple[nn.ModuleList, list[int]]:
    """Make the cells of the encoder or of the second round, which both read ``in_channels``.

    Returns:
        The cells, and the channels of their taps.
    """
    normal, reduce = graphs
    width, rest = divmod(in_channels, count_outputs(normal))
    if rest:
        raise ConfigError(
            f'{in_channels} channels in front of the cells must be a multiple of the '
            f'{count_outputs(normal)} nodes that a normal cell concatenates; change init_channels '
            'or refine.channels'
        )
    cells, before, last, outputs = [], in_channels, in_channels, []
    for i in range(plan.layers):
        graph = reduce if i in plan.reductions else normal
        width *= 2 if graph is reduce else 1
        after_reduction = i - 1 in plan.reductions
        cells.append(make_encoder_cell(graph, (before, last), width, after_reduction, **settings))
        before, last = last, width * count_outputs(graph)
        outputs.append(last)
    return nn.ModuleList(cells), [outputs[tap] for tap in plan.taps]


def _read_genotype(genotype: Genotype | Mapping | None) -> Genotype:
    """Return the record of a genotype that has the cells of this family."""
    if genotype is None:
        return make_released_genotype()
    if not isinstance(genotype, Genotype):
        genotype = Genotype.from_dict(genotype)
    kinds = {name: cell.kind for name, cell in (genotype.cells or {}).items()}
    wanted = dict(zip(_CELLS, ('normal', 'reduce', 'fusion', 'fusion', 'fusion'), strict=True))
    if genotype.family != 'posenas' or kinds != wanted:
        raise ConfigError(
            f'genotype must be of family posenas and have the cells {wanted}, got family '
            f'{genotype.family} and {kinds}'
        )
    return genotype


#: Initialisation of the release.
_DEFAULT_INIT = [
    dict(type='Normal', std=0.001, layer=['Conv2d']),
    dict(type='Constant', val=1, layer=['_BatchNorm', 'GroupNorm']),
]
