"""Centres and boxes of people from the features of an image."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn

from posenas.models.layers.input_size import check_input_channels
from posenas.models.losses.center_box import center_focal_loss, distance_giou_loss
from posenas.registry import KEYPOINT_CODECS, MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError

#: First logit of heatmaps: few pixels are centres.
_FIRST_SCORE_BIAS = -3.5
#: First logarithm of distances: people of middle size.
_FIRST_LOG_DISTANCE = 2.0
#: Logarithms of distances beyond it would be boxes larger than any photo.
_MAX_LOG_DISTANCE = 5.0


@MODELS.register_module()
class CenterBoxHead(BaseModule):
    """One 1x1 convolution for a heatmap of centres and the logarithms of four distances.

    A feature coarser than the heatmap gives several heatmap pixels by pixel shuffle, which costs
    next to nothing.

    Source: see :class:`posenas.codecs.CenterBox`.

    Args:
        in_channels: Channels of the last feature.
        decoder: Config of the codec that wrote the targets.
        upsample: Heatmap pixels per feature pixel along each side.
        box_loss_weight: Factor of the loss of boxes.
        init_cfg: Initialisation; None draws the convolution from a normal distribution.
    """

    def __init__(
        self,
        in_channels: int,
        decoder: dict,
        upsample: int = 1,
        box_loss_weight: float = 4.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        default = dict(type='Normal', std=0.01, layer=['Conv2d'])
        super().__init__(default if init_cfg is None else init_cfg)
        self.in_channels = in_channels
        self.box_loss_weight = box_loss_weight
        self.decoder = KEYPOINT_CODECS.build(decoder)
        self.shuffle = nn.PixelShuffle(upsample)
        self.final_layer = nn.Conv2d(in_channels, 5 * upsample**2, 1)

    def init_weights(self) -> None:
        """Draw the weights; nothing is found and boxes are of middle size at first."""
        super().init_weights()
        with torch.no_grad():
            bias = torch.tensor([_FIRST_SCORE_BIAS, *[_FIRST_LOG_DISTANCE] * 4])
            self.final_layer.bias.copy_(bias.repeat_interleave(self.shuffle.upscale_factor**2))

    def _compute(self, feats: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits of the heatmap (B, H, W) and distances (B, 4, H, W) in input pixels."""
        channels = feats[-1].shape[1]
        check_input_channels(feats[-1], self.in_channels, f'set head.in_channels={channels}')
        maps = self.shuffle(self.final_layer(feats[-1]))  # (B, 5, H, W)
        distances = maps[:, 1:].float().clamp(max=_MAX_LOG_DISTANCE).exp() * self.decoder.stride
        return maps[:, 0], distances

    def forward(self, feats: Sequence[Tensor]) -> Tensor:
        """Compute maps (B, 5, H, W) from the last of ``feats``: the heatmap, then distances.

        Raises:
            ConfigError: It has not ``in_channels`` channels.
        """
        logits, distances = self._compute(feats)
        return torch.cat([logits.sigmoid()[:, None].to(distances), distances], dim=1)

    def loss(
        self, feats: Sequence[Tensor], data_samples: Sequence[PoseDataSample]
    ) -> dict[str, Tensor]:
        """Compare with the targets of the samples, ``gt_fields.heatmaps`` (7, H, W).

        Returns:
            ``loss_center`` and ``loss_box``.

        Raises:
            ConfigError: Targets and maps differ in size.
        """
        logits, distances = self._compute(feats)
        targets = torch.stack([sample.gt_fields.heatmaps for sample in data_samples])
        if targets.shape[-2:] != logits.shape[-2:]:
            raise ConfigError(
                'the codec must have the stride of the network, got heatmaps '
                f'{tuple(logits.shape[-2:])} and targets {tuple(targets.shape[-2:])}'
            )
        loss_box = distance_giou_loss(distances, targets[:, 2:6], targets[:, 6])
        return dict(
            loss_center=center_focal_loss(logits, targets[:, 0], targets[:, 1]),
            loss_box=self.box_loss_weight * loss_box,
        )

    def predict(self, maps: Sequence[Tensor], score_thr: float = 0.0) -> list[InstanceData]:
        """Read boxes from what :meth:`forward` made, of images and of copies of half the size.

        Returns:
            ``bboxes`` (N, 4) in input pixels and ``bbox_scores`` (N,) of each image.
        """
        arrays = [each.detach().float().cpu().numpy() for each in maps]
        found = [
            self.decoder.decode(*own, score_thr=score_thr) for own in zip(*arrays, strict=True)
        ]
        return [InstanceData(bboxes=boxes, bbox_scores=scores) for boxes, scores in found]
