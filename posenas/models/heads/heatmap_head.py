"""Heatmaps by transposed convolutions."""

from collections.abc import Mapping, Sequence

from posenas.models.heads.base import DEFAULT_LOSS, BaseHeatmapHead
from posenas.models.layers.deconv import CONV_1X1
from posenas.registry import MODELS


@MODELS.register_module()
class HeatmapHead(BaseHeatmapHead):
    """Enlarge the last heatmap by transposed convolutions and emit one heatmap per keypoint.

    Xiao et al., Simple Baselines for Human Pose Estimation and Tracking, ECCV 2018, section 2;
    without deconv layers the 1x1 head of high-resolution networks.

    Args:
        in_channels: Channels of the last feature.
        out_channels: Heatmaps, K for most codecs.
        deconv_out_channels: Channels after each transposed convolution; None or empty omits them.
        deconv_kernel_sizes: Their kernel sides: 4, 3 or 2.
        conv_out_channels: Channels after each additional convolution; None omits them.
        conv_kernel_sizes: Their odd kernel sides.
        final_layer: Arguments of the last convolution; None omits it.
        loss: See :class:`BaseHeatmapHead`.
        decoder: See :class:`BaseHeatmapHead`.
        init_cfg: See :class:`BaseHeatmapHead`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        deconv_out_channels: Sequence[int] | None = (256, 256, 256),
        deconv_kernel_sizes: Sequence[int] | None = (4, 4, 4),
        conv_out_channels: Sequence[int] | None = None,
        conv_kernel_sizes: Sequence[int] | None = None,
        final_layer: Mapping | None = CONV_1X1,
        loss: Mapping = DEFAULT_LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(out_channels, loss, decoder, init_cfg)
        deconvs = deconv_out_channels, deconv_kernel_sizes, None
        convs = conv_out_channels, conv_kernel_sizes
        self._add_layers(in_channels, deconvs, convs, final_layer)
