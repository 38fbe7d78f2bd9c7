"""Cells of PoseNAS: two preprocessed inputs, nodes that sum their edges, nodes merged.

Bao et al., Pose-native Network Architecture Search for Multi-person Human Pose Estimation, ACM MM
2020. Parameter names are the published ones.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from posenas.genotype import Cell
from posenas.models.layers.cells import merge_states, run_cell
from posenas.models.layers.posenas.operations import FactorizedReduce, ReLUConvBN
from posenas.registry import POSENAS_OPERATIONS
from posenas.utils import ConfigError


def count_outputs(cell: Cell) -> int:
    """Return the channels of a cell's output divided by its width."""
    return len(cell.output) if cell.merge == 'concat' else 1


class PoseNASCell(nn.Module):
    """One cell; :func:`make_encoder_cell` and :func:`make_fusion_cell` choose its preprocessing.

    Args:
        cell: Graph of the cell. In a 'reduce' cell the edges that read its inputs have stride 2.
        channels: Width C of all states.
        preprocess0: Turns the first input into state 0.
        preprocess1: Turns the second input into state 1.
        drop_path: Probability that training drops an edge, for each image on its own; identities
            stay.
        norm_cfg: Norm of the operations; None is a batch norm.
        se_ratio: Bottleneck of channel attention; None has none.
    """

    def __init__(
        self,
        cell: Cell,
        channels: int,
        preprocess0: nn.Module,
        preprocess1: nn.Module,
        drop_path: float = 0.0,
        norm_cfg: dict | None = None,
        se_ratio: int | None = None,
    ) -> None:
        super().__init__()
        self.cell, self.channels, self.drop_path = cell, channels, drop_path
        self.preprocess0 = preprocess0
        self.preprocess1 = preprocess1
        self._ops = nn.ModuleList(
            POSENAS_OPERATIONS.get(edge.op)(channels, self.stride(edge.source), norm_cfg, se_ratio)
            for edge in cell.edges
        )

    def stride(self, source: int) -> int:
        """Return the stride of the edges that read state ``source``."""
        return 2 if self.cell.kind == 'reduce' and source < self.cell.num_states else 1

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Compute the output from the two inputs.

        Args:
            first: Output of the cell before the previous one, or the coarser map.
            second: Output of the previous cell, or the lateral map.

        Returns:
            (B, count_outputs(cell) * C, H, W) of the size of the states.
        """
        inputs = (self.preprocess0(first), self.preprocess1(second))
        states = run_cell(inputs, self.cell.sources, [self._edge(op) for op in self._ops])
        return merge_states(states, self.cell.output, self.cell.merge)

    def _edge(self, op: nn.Module) -> Callable[[Tensor], Tensor]:
        """Return what an edge does: its operation, in training dropped now and then."""
        if not (self.training and self.drop_path) or isinstance(op, nn.Identity):
            return op
        return lambda x: _drop_images(op(x), self.drop_path)


def make_encoder_cell(
    cell: Cell,
    in_channels: tuple[int, int],
    channels: int,
    after_reduction: bool,
    norm_cfg: dict | None = None,
    cell_type: Callable[..., nn.Module] = PoseNASCell,
    **settings: object,
) -> nn.Module:
    """Make a cell of the encoder or of the refinement path.

    Args:
        cell: Its graph.
        in_channels: Channels of both inputs.
        channels: Width C.
        after_reduction: Whether the previous cell halved the size, so the first input has twice
            the size of the second.
        norm_cfg: Norm; None is a batch norm.
        cell_type: Class of the cell, called as :class:`PoseNASCell`.
        **settings: Further arguments of the class.
    """
    reduce = FactorizedReduce if after_reduction else ReLUConvBN
    return cell_type(
        cell,
        channels,
        reduce(in_channels[0], channels, norm_cfg=norm_cfg),
        ReLUConvBN(in_channels[1], channels, norm_cfg=norm_cfg),
        norm_cfg=norm_cfg,
        **settings,
    )


def make_coarse_input(
    in_channels: int, channels: int, octaves: int = 1, norm_cfg: dict | None = None
) -> nn.Module:
    """Make what enlarges a coarser map ``2 ** octaves`` times and projects it."""
    project = ReLUConvBN(in_channels, channels, norm_cfg=norm_cfg)
    return nn.Sequential(nn.Upsample(scale_factor=2**octaves, mode='nearest'), project)


def make_lateral_input(
    in_channels: int, channels: int, octaves: int = 0, norm_cfg: dict | None = None
) -> nn.Module:
    """Make what projects a map and halves it ``octaves`` times, by a 3x3 convolution each."""
    project = ReLUConvBN(in_channels, channels, norm_cfg=norm_cfg)
    if not octaves:
        return project
    halve = [ReLUConvBN(channels, channels, 3, 2, norm_cfg=norm_cfg) for _ in range(octaves)]
    return nn.Sequential(project, *halve)


def make_fusion_cell(
    cell: Cell,
    coarse_channels: int,
    lateral_channels: int,
    out_channels: int | None = None,
    octaves: tuple[int, int] = (1, 0),
    norm_cfg: dict | None = None,
    **settings: object,
) -> PoseNASCell:
    """Make a cell of the decoder: a coarser map and a lateral one.

    Args:
        cell: Its graph.
        coarse_channels: Channels of the coarser map.
        lateral_channels: Channels of the lateral map.
        out_channels: Channels of the output; None is those of the lateral map.
        octaves: How often the coarser map has to be doubled and the lateral one halved to have the
            size of the output.
        norm_cfg: Norm; None is a batch norm.
        **settings: Further arguments of :class:`PoseNASCell`.

    Raises:
        ConfigError: The output's channels cannot be shared among the merged nodes.
    """
    channels = split_channels(cell, lateral_channels if out_channels is None else out_channels)
    return PoseNASCell(
        cell,
        channels,
        make_coarse_input(coarse_channels, channels, octaves[0], norm_cfg),
        make_lateral_input(lateral_channels, channels, octaves[1], norm_cfg),
        norm_cfg=norm_cfg,
        **settings,
    )


def split_channels(cell: Cell, out_channels: int) -> int:
    """Return the width of a fusion cell with ``out_channels``.

    Raises:
        ConfigError: The channels cannot be shared among the merged nodes.
    """
    channels, rest = divmod(out_channels, count_outputs(cell))
    if rest:
        raise ConfigError(
            f'the {out_channels} channels of a lateral map must be a multiple of the '
            f'{count_outputs(cell)} nodes that a fusion cell concatenates; change init_channels'
        )
    return channels


def _drop_images(x: Tensor, prob: float) -> Tensor:
    """Zero whole images of ``x`` (B, C, H, W) now and then; scale the others to keep the mean."""
    kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= prob
    return x * kept / (1 - prob)
