"""Coordinates and their deviations by one linear layer."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from posenas.models.heads.base import Features
from posenas.models.heads.regression_head import RegressionHead
from posenas.registry import MODELS

_LOSS = MappingProxyType(dict(type='RLELoss', use_target_weight=True))


@MODELS.register_module()
class RLEHead(RegressionHead):
    """Regress x, y and a deviation of each from the means of the last feature.

    Li et al., Human Pose Regression with Residual Log-likelihood Estimation, ICCV 2021.
    Differs from MMPose: what :meth:`forward` returns can be decoded, deviations lie in (0, 1).

    Args:
        in_channels: Channels of the last feature, after :class:`GlobalAveragePooling`.
        num_joints: Keypoints K.
        loss: Config of the loss, called as ``loss(coordinates, deviations, targets, weights)`` with
            logits of the deviations.
        decoder: Config of the codec that wrote the targets; needed for predictions only.
        init_cfg: See :class:`RegressionHead`.
    """

    _per_keypoint = 4

    def __init__(
        self,
        in_channels: int,
        num_joints: int,
        loss: Mapping = _LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(in_channels, num_joints, loss, decoder, init_cfg)

    def forward(self, feats: Features) -> Tensor:
        """Compute coordinates and deviations (B, K, 4), shares of the crop, from the last feature.

        Raises:
            ConfigError: It has not ``in_channels`` channels.
        """
        values = self._regress(feats)
        return torch.cat([values[..., :2], values[..., 2:].sigmoid()], dim=-1)

    def _compare(self, values: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        points, logits = values.split(2, dim=-1)
        return self.loss_module(points, logits, targets, weights)
