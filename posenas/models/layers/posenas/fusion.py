"""Decoder of PoseNAS: fusion cells from the coarsest map to the finest."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from posenas.genotype import Cell
from posenas.models.layers.posenas.cells import make_fusion_cell

#: One map, or the candidates of a search.
Maps = Tensor | list[Tensor]
#: How a stage runs its cells: ``run(cell, coarse, lateral)``.
RunCell = Callable[[nn.Module, Maps, Maps], Tensor]


class FusionStage(nn.Module):
    """Fusion cells from the coarsest map to the finest.

    Args:
        cells: The cells, the coarsest first.
        sources: For each of them the level of the coarser and of the lateral map it reads, level k
            being of stride ``4 * 2**k``; several levels in a tuple are handed over as a list.
    """

    def __init__(
        self,
        cells: Sequence[nn.Module],
        sources: Sequence[tuple[int | tuple[int, ...], int | tuple[int, ...]]],
    ) -> None:
        super().__init__()
        self.sources = tuple(sources)
        self.upsamples = nn.ModuleList(cells)

    def forward(
        self, features: Sequence[Tensor], run: RunCell = nn.Module.__call__
    ) -> list[Tensor]:
        """Fuse maps (B, channels[k], H / 2**k, W / 2**k), the finest first.

        Args:
            features: The maps.
            run: Calls a cell with its two inputs.

        Returns:
            Fused maps of all sizes but the coarsest, the finest first and rectified.
        """
        decoded = {len(self.upsamples): features[-1]}
        for cell, (coarse, lateral) in zip(self.upsamples, self.sources, strict=True):
            decoded[min(decoded) - 1] = run(cell, _pick(decoded, coarse), _pick(features, lateral))
        decoded[0] = decoded[0].relu()
        return [decoded[level] for level in range(len(self.upsamples))]


def make_fusion_stage(
    cells: Sequence[Cell],
    channels: Sequence[int],
    sources: Sequence[tuple[int, int]],
    **settings: object,
) -> FusionStage:
    """Make a stage of cells that read one map for each input.

    Args:
        cells: Graphs of the cells, the coarsest first.
        channels: Channels of the maps, the finest first.
        sources: See :class:`FusionStage`.
        **settings: Further arguments of :func:`make_fusion_cell`.
    """
    levels = range(len(cells) - 1, -1, -1)
    built = [
        make_fusion_cell(
            cell,
            channels[coarse],
            channels[lateral],
            channels[level],
            (coarse - level, level - lateral),
            **settings,
        )
        for cell, level, (coarse, lateral) in zip(cells, levels, sources, strict=True)
    ]
    return FusionStage(built, sources)


def _pick(maps: Sequence[Tensor] | dict[int, Tensor], levels: int | tuple[int, ...]) -> Maps:
    return maps[levels] if isinstance(levels, int) else [maps[level] for level in levels]
