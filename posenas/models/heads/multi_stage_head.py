"""Heads of networks that predict several times, each stage from the last one's knowledge."""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from posenas.models.heads.base import DEFAULT_LOSS, BaseHeatmapHead, Features
from posenas.models.layers.input_size import check_input_channels
from posenas.registry import MODELS
from posenas.utils import ConfigError, check_positive


@MODELS.register_module()
class PoseNASHead(BaseHeatmapHead):
    """Emit the heatmaps of every stage by a 1x1 convolution of its own.

    Bao et al., Pose-native Network Architecture Search for Multi-person Human Pose Estimation, ACM
    MM 2020: decoder stages of a searched network.

    Args:
        in_channels: Channels of each stage's feature, or one number for all.
        out_channels: Heatmaps of each stage, K for most codecs.
        num_stages: Stages S.
        loss: See :class:`BaseHeatmapHead`.
        decoder: See :class:`BaseHeatmapHead`.
        stage_loss_weights: See :class:`BaseHeatmapHead`.
        init_cfg: See :class:`BaseHeatmapHead`.

    Raises:
        ConfigError: ``in_channels`` has another number of entries than there are stages.
    """

    def __init__(
        self,
        in_channels: int | Sequence[int],
        out_channels: int,
        num_stages: int = 2,
        loss: Mapping = DEFAULT_LOSS,
        decoder: dict | None = None,
        stage_loss_weights: Sequence[float] | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(out_channels, loss, decoder, init_cfg, stage_loss_weights)
        check_positive('num_stages', num_stages)
        widths = [in_channels] * num_stages if isinstance(in_channels, int) else in_channels
        if len(widths) != num_stages:
            raise ConfigError(
                f'in_channels must be one number or have one entry for each of {num_stages} '
                f'stages, got {in_channels}'
            )
        self.in_channels = tuple(widths)
        self.final_layers = nn.ModuleList(nn.Conv2d(width, out_channels, 1) for width in widths)

    def forward(self, feats: Features) -> list[Tensor]:
        """Compute the heatmaps of every stage.

        Args:
            feats: S features, that of stage s (B, in_channels[s], H, W).

        Returns:
            S heatmaps (B, out_channels, H, W).

        Raises:
            ConfigError: The number of features is not S, or one has other channels.
        """
        if len(feats) != len(self.final_layers):
            raise ConfigError(
                f'num_stages must be the number of features, got {len(self.final_layers)} for '
                f'{len(feats)} features: set it to num_stages of the backbone'
            )
        advice = f'set head.in_channels={[feature.shape[1] for feature in feats]}'
        for feature, channels in zip(feats, self.in_channels, strict=True):
            check_input_channels(feature, channels, advice)
        return [layer(feature) for layer, feature in zip(self.final_layers, feats, strict=True)]


@MODELS.register_module()
class StackedHourglassHead(BaseHeatmapHead):
    """Take the score heatmaps of every stack as they are; it has no parameters.

    The backbone :class:`Hourglass` feeds its scores back and so owns the layers that make them.

    Args:
        out_channels: Heatmaps of each stack, K for most codecs.
        loss: See :class:`BaseHeatmapHead`.
        decoder: See :class:`BaseHeatmapHead`.
        stage_loss_weights: See :class:`BaseHeatmapHead`.
    """

    def __init__(
        self,
        out_channels: int,
        loss: Mapping = DEFAULT_LOSS,
        decoder: dict | None = None,
        stage_loss_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(out_channels, loss, decoder, stage_loss_weights=stage_loss_weights)

    def forward(self, feats: Features) -> list[Tensor]:
        """Return ``feats``, the score heatmaps (B, out_channels, H, W) of every stack, as a list.

        Raises:
            ConfigError: They are not ``out_channels`` heatmaps.
        """
        advice = 'set backbone.num_joints and head.out_channels to the keypoints of the dataset'
        check_input_channels(feats[-1], self.out_channels, advice)
        return list(feats)
