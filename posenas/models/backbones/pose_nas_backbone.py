"""What PoseNAS networks are beside their cells: stem, encoder, decoder and the second round."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.genotype import Cell
from posenas.genotype.posenas.plan import CellPlan, PoseNASPlan
from posenas.models.layers.initialization import SMALL_NORMAL_INIT
from posenas.models.layers.input_size import check_input_multiple
from posenas.models.layers.posenas.cells import count_outputs, make_encoder_cell
from posenas.models.layers.posenas.fusion import FusionStage, Maps
from posenas.models.layers.posenas.operations import make_norm, make_relu_conv_bn
from posenas.utils import ConfigError

#: Names of the cells in a genotype.
POSENAS_CELLS = (
    'encoder.normal',
    'encoder.reduce',
    'decoder.fuse1',
    'decoder.fuse2',
    'decoder.fuse3',
)


class PoseNASBackbone(BaseModule, ABC):
    """Run cells as Bao et al. do, ACM MM 2020; subclasses say what a cell is.

    The encoder taps maps f0..f3 of strides 4 to 32; three fusion cells make d2, d1, d0 of them. The
    second stage runs further encoder cells on d0, adds what they find to the maps of the first
    stage and fuses once more to e0.

    Args:
        plan: Sizes.
        graphs: Graphs of the normal and of the reduction cell.
        make_stage: Makes the decoder of one stage from the channels of f0..f3.
        cell_settings: Further arguments of :func:`make_encoder_cell`.
        in_channels: Channels of the image.
        norm_cfg: Norm outside the cells; None is a batch norm.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets norms to 1.
    """

    def __init__(
        self,
        plan: PoseNASPlan,
        graphs: tuple[Cell, Cell],
        make_stage: Callable[[Sequence[int]], FusionStage],
        cell_settings: dict,
        in_channels: int = 3,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or SMALL_NORMAL_INIT)
        self.plan, self.num_stages = plan, plan.num_stages
        self._add_stem(in_channels, plan.init_channels, norm_cfg)
        stem_channels = 2 * plan.init_channels
        self.cells, channels = _make_cells(plan.encoder, graphs, stem_channels, cell_settings)
        self.feat_dim = channels[0]
        self.stage1 = make_stage(channels)
        if self.num_stages == 1:
            return
        width = plan.refine_channels
        self.reduce_channel_prev = make_relu_conv_bn(channels[0], width, norm_cfg=norm_cfg)
        self.refine_cells, refined = _make_cells(plan.refine, graphs, width, cell_settings)
        for k, (c_in, c_out) in enumerate(zip(refined, channels, strict=True)):
            self.add_module(f'reduce_channel{k}', make_relu_conv_bn(c_in, c_out, norm_cfg=norm_cfg))
        self.stage2 = make_stage(channels)

    @abstractmethod
    def run_cell(self, cell: nn.Module, first: Maps, second: Maps) -> Tensor:
        """Run one cell on its two inputs."""

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
        check_input_multiple(x, 32, type(self).__name__)
        first = self.stem1(self.stem0(x))
        features = self._run_cells(self.cells, self.plan.encoder, first, self.stem2(first))
        fused = self.stage1(features, self.run_cell)
        if self.num_stages == 1:
            return (fused[0],)
        return fused[0], self.stage2(self._refine(features, fused), self.run_cell)[0]

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
            first, second = second, self.run_cell(cell, first, second)
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
