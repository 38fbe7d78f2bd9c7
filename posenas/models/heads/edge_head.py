"""Heatmaps of stride 4 from features of stride 8, by one of several kinds of layers."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from posenas.genotype import EDGE_HEADS
from posenas.models.heads.base import DEFAULT_LOSS, BaseHeatmapHead, Features
from posenas.models.layers.edge.last_layers import DeconvLayers, ShuffleLayers, SimCCLayers
from posenas.models.layers.input_size import check_input_channels
from posenas.registry import MODELS
from posenas.utils import check_choice


@MODELS.register_module()
class EdgeHead(BaseHeatmapHead):
    """Double the size of the last feature on the way to heatmaps.

    Args:
        in_channels: Channels of the last feature.
        out_channels: Heatmaps K.
        kind: 'shuffle' (pixel shuffle), 'simcc' (product of classified coordinates) or 'deconv'
            (transposed convolution).
        width: Channels behind the transposed convolution; other kinds have none.
        heatmap_size: (width, height) of the heatmaps for 'simcc'; None takes that of ``decoder``.
        loss: See :class:`BaseHeatmapHead`.
        decoder: See :class:`BaseHeatmapHead`.
        init_cfg: See :class:`BaseHeatmapHead`.

    Raises:
        ConfigError: A head of kind 'simcc' does not know the size of its heatmaps.
        ValueError: ``kind`` is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kind: str = 'shuffle',
        width: int = 32,
        heatmap_size: Sequence[int] | None = None,
        loss: Mapping = DEFAULT_LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(out_channels, loss, decoder, init_cfg)
        check_choice('kind', kind, EDGE_HEADS)
        self.in_channels, self.kind = in_channels, kind
        if heatmap_size is None and self.decoder is not None:
            heatmap_size = self.decoder.heatmap_size
        self.heatmap_size = heatmap_size
        self.layers = self.make_layers(kind, width)

    def make_layers(self, kind: str, width: int) -> nn.Module:
        """Make layers of one kind; see the class for its arguments."""
        if kind == 'deconv':
            return DeconvLayers(self.in_channels, width, self.out_channels)
        if kind == 'simcc':
            return SimCCLayers(self.in_channels, self.out_channels, self.heatmap_size)
        return ShuffleLayers(self.in_channels, self.out_channels)

    def forward(self, feats: Features) -> Tensor:
        """Compute heatmaps (B, out_channels, 2 H, 2 W) from the last of ``feats``.

        Raises:
            ConfigError: It has not ``in_channels`` channels.
        """
        channels = feats[-1].shape[1]
        check_input_channels(feats[-1], self.in_channels, f'set head.in_channels={channels}')
        return self.layers(feats[-1])
