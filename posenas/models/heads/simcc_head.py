"""Coordinate classification behind any backbone."""

from collections.abc import Mapping, Sequence

from torch import nn

from posenas.models.heads.base import Features
from posenas.models.heads.heatmap_head import HeatmapHead
from posenas.models.heads.simcc_base import SIMCC_LOSS, BaseSimCCHead, Vectors
from posenas.models.heads.vipnas_head import ViPNASHead
from posenas.models.layers.deconv import CONV_1X1, build_final_layer
from posenas.registry import MODELS
from posenas.utils import check_choice


@MODELS.register_module()
class SimCCHead(BaseSimCCHead):
    """Classify x and y of each keypoint by one linear layer each on its flattened map.

    Li et al., SimCC: A Simple Coordinate Classification Perspective for Human Pose Estimation, ECCV
    2022, section 3.

    Args:
        in_channels: See :class:`BaseSimCCHead`.
        out_channels: See :class:`BaseSimCCHead`.
        input_size: See :class:`BaseSimCCHead`.
        in_featuremap_size: See :class:`BaseSimCCHead`.
        simcc_split_ratio: See :class:`BaseSimCCHead`.
        deconv_type: Head that enlarges the feature first: 'heatmap' or 'vipnas', the one with
            groups.
        deconv_out_channels: Channels after each of its transposed convolutions; None or empty
            takes the feature as it is.
        deconv_kernel_sizes: Their kernel sides: 4, 3 or 2.
        deconv_num_groups: Their groups with 'vipnas'.
        conv_out_channels: Channels after each additional convolution of that head.
        conv_kernel_sizes: Their odd kernel sides.
        final_layer: Arguments of the convolution that makes one map per keypoint; None omits it.
        loss: See :class:`BaseSimCCHead`.
        decoder: See :class:`BaseSimCCHead`.
        init_cfg: See :class:`BaseSimCCHead`.

    Raises:
        ConfigError: ``in_channels`` is a list, or layers do not fit each other.
        ValueError: ``deconv_type`` is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: Sequence[int],
        in_featuremap_size: Sequence[int],
        simcc_split_ratio: float = 2.0,
        deconv_type: str = 'heatmap',
        deconv_out_channels: Sequence[int] | None = (256, 256, 256),
        deconv_kernel_sizes: Sequence[int] | None = (4, 4, 4),
        deconv_num_groups: Sequence[int] | None = (16, 16, 16),
        conv_out_channels: Sequence[int] | None = None,
        conv_kernel_sizes: Sequence[int] | None = None,
        final_layer: Mapping | None = CONV_1X1,
        loss: Mapping = SIMCC_LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            input_size,
            in_featuremap_size,
            simcc_split_ratio,
            loss,
            decoder,
            init_cfg,
        )
        check_choice('deconv_type', deconv_type, ('heatmap', 'vipnas'))
        self.deconv_head = self.final_layer = None
        if deconv_out_channels:
            groups = dict(deconv_num_groups=deconv_num_groups) if deconv_type == 'vipnas' else {}
            self.deconv_head = (ViPNASHead if groups else HeatmapHead)(
                in_channels,
                out_channels,
                deconv_out_channels,
                deconv_kernel_sizes,
                conv_out_channels=conv_out_channels,
                conv_kernel_sizes=conv_kernel_sizes,
                final_layer=final_layer,
                **groups,
            )
        else:
            self.final_layer = build_final_layer(in_channels, out_channels, final_layer)
        scale = 4 ** len(deconv_out_channels or ())
        num_pixels = self.in_featuremap_size[0] * self.in_featuremap_size[1] * scale
        self.mlp_head_x = nn.Linear(num_pixels, self.num_bins[0])
        self.mlp_head_y = nn.Linear(num_pixels, self.num_bins[1])

    def forward(self, feats: Features) -> Vectors:
        """Compute logits of x (B, K, bins of x) and y (B, K, bins of y) from the last of ``feats``.

        Raises:
            ConfigError: It has another size than the head was built for.
        """
        feature = self.check_feature(feats)
        if self.deconv_head is None:
            maps = self.final_layer(feature)
        else:
            maps = self.deconv_head((feature,))
        maps = maps.flatten(2)  # (B, K, H * W)
        return self.mlp_head_x(maps), self.mlp_head_y(maps)
