"""Coordinates by one linear layer."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from mmengine.model import BaseModule
from mmengine.structures import InstanceData
from torch import Tensor, nn

from posenas.codecs import coordinate_accuracy
from posenas.models.heads.base import Features, to_numpy
from posenas.models.layers.input_size import check_input_channels
from posenas.registry import KEYPOINT_CODECS, MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError

_LOSS = MappingProxyType(dict(type='SmoothL1Loss', use_target_weight=True))


@MODELS.register_module()
class RegressionHead(BaseModule):
    """Regress x and y of each keypoint from the means of the last feature.

    Toshev and Szegedy, DeepPose: Human Pose Estimation via Deep Neural Networks, CVPR 2014.

    Args:
        in_channels: Channels of the last feature, after :class:`GlobalAveragePooling`.
        num_joints: Keypoints K.
        loss: Config of the loss, called as ``loss(coordinates, targets, weights)``.
        decoder: Config of the codec that wrote the targets; needed for predictions only.
        init_cfg: Initialisation; None draws the layer from a normal distribution with standard
            deviation 0.01.
    """

    _per_keypoint = 2  # outputs of the layer

    def __init__(
        self,
        in_channels: int,
        num_joints: int,
        loss: Mapping = _LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        layer = dict(type='Normal', layer=['Linear'], std=0.01, bias=0, override=dict(name='fc'))
        super().__init__([layer] if init_cfg is None else init_cfg)
        self.in_channels = in_channels
        self.num_joints = self.out_channels = num_joints
        self.loss_module = MODELS.build(dict(loss))
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)
        self.fc = nn.Linear(in_channels, num_joints * self._per_keypoint)

    def _regress(self, feats: Features) -> Tensor:
        """Return the outputs of the layer, (B, K, 2) or, with deviations, (B, K, 4)."""
        feature = feats[-1]
        channels = feature.shape[1]
        check_input_channels(feature, self.in_channels, f'set head.in_channels={channels}')
        return self.fc(feature.flatten(1)).unflatten(1, (self.num_joints, self._per_keypoint))

    def forward(self, feats: Features) -> Tensor:
        """Compute coordinates (B, K, 2), shares of the crop, from the last feature.

        Raises:
            ConfigError: It has not ``in_channels`` channels.
        """
        return self._regress(feats)

    def _compare(self, values: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of outputs (B, K, 2), with targets (B, K, 2) and weights (B, K)."""
        return self.loss_module(values, targets, weights)

    def loss(
        self, feats: Features, data_samples: Sequence[PoseDataSample], train_cfg: dict | None = None
    ) -> dict[str, Tensor]:
        """Compare the coordinates with the targets of the samples.

        Args:
            feats: Features of B images.
            data_samples: Their samples, with ``keypoint_labels`` (1, K, 2) and ``keypoint_weights``
                (1, K) in ``gt_instance_labels``.
            train_cfg: ``compute_acc=False`` leaves ``acc_pose`` out.

        Returns:
            ``loss_kpt`` and ``acc_pose``, the share of keypoints within 5 % of the crop.

        Raises:
            ConfigError: The samples hold no coordinates, or of other keypoints.
        """
        values = self._regress(feats)
        labels = [sample.gt_instance_labels for sample in data_samples]
        if labels and 'keypoint_labels' not in labels[0]:
            raise ConfigError(
                f'{type(self).__name__} learns from keypoint_labels, got '
                f'{sorted(labels[0].keys())}: set the codec of the head and of GenerateTarget to '
                "type='RegressionLabel'"
            )
        targets = torch.cat([one.keypoint_labels for one in labels])
        weights = torch.cat([one.keypoint_weights for one in labels])
        if targets.shape[1] != self.num_joints:
            raise ConfigError(
                f'head.num_joints must be the keypoints of the data set, {targets.shape[1]}, got '
                f'{self.num_joints}'
            )
        losses = dict(loss_kpt=self._compare(values, targets, weights))
        if (train_cfg or {}).get('compute_acc', True):
            found = coordinate_accuracy(
                to_numpy(values[..., :2]), to_numpy(targets), to_numpy(weights) > 0
            )
            losses['acc_pose'] = values.new_tensor(found)
        return losses

    def predict(
        self,
        feats: Features | Sequence[Features],
        data_samples: Sequence[PoseDataSample],
        test_cfg: dict | None = None,
    ) -> tuple[list[InstanceData], None]:
        """Decode keypoints in input pixels.

        Args:
            feats: Features of B images; under ``flip_test`` a pair, the second of the mirrored
                images.
            data_samples: Their samples; ``flip_indices`` (K,) is read under ``flip_test``.
            test_cfg: ``flip_test``, ``shift_coords`` (see :class:`RegressionLabel`).

        Returns:
            Per image ``keypoints`` (1, K, 2) and ``keypoint_scores`` (1, K); and None: there are no
            heatmaps.

        Raises:
            ConfigError: There is no decoder.
        """
        test_cfg = test_cfg or {}
        if self.decoder is None:
            raise ConfigError('head.decoder must be set to predict: give it the codec of the data')
        if test_cfg.get('flip_test', False):
            plain, mirrored = (self.forward(half) for half in feats)
            flip_indices = data_samples[0].metainfo['flip_indices']
            shift = test_cfg.get('shift_coords', True)
            (flipped,) = self.decoder.flip_back([mirrored], flip_indices, shift_coords=shift)
            outputs = (plain + flipped) * 0.5
        else:
            outputs = self.forward(feats)
        keypoints, scores = self.decoder.batch_decode(to_numpy(outputs))
        return [
            InstanceData(keypoints=keypoints[i : i + 1], keypoint_scores=scores[i : i + 1])
            for i in range(len(keypoints))
        ], None
