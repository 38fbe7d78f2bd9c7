"""What all heatmap heads share: targets, loss, training accuracy, decoding."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch
from mmengine.model import BaseModule
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from posenas.codecs import flip_heatmaps, pose_pck_accuracy
from posenas.models.layers.deconv import (
    build_conv_layers,
    build_deconv_layers,
    build_final_layer,
)
from posenas.models.layers.input_size import check_input_channels
from posenas.registry import KEYPOINT_CODECS, MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError

#: Features of one pass, from the backbone or neck.
Features = Sequence[Tensor]
#: Loss of heads whose config names none.
DEFAULT_LOSS = MappingProxyType(dict(type='KeypointMSELoss', use_target_weight=True))


class BaseHeatmapHead(BaseModule):
    """Turn features into one heatmap per keypoint, learn them and read keypoints from them.

    A head of several stages returns a list from :meth:`forward`: heatmaps that are all learnt from
    the same targets. The last ones are the prediction.

    Args:
        out_channels: Heatmaps per image, K for most codecs.
        loss: Config of the loss, called as ``loss(heatmaps, targets, keypoint_weights)``.
        decoder: Config of the codec that wrote the targets; needed for predictions only.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and sets batch norms to 1.
        stage_loss_weights: Factor of each stage's loss; None is 1 for each.
    """

    def __init__(
        self,
        out_channels: int,
        loss: Mapping = DEFAULT_LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
        stage_loss_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(_DEFAULT_INIT if init_cfg is None else init_cfg)
        self.out_channels = out_channels
        self.stage_loss_weights = None if stage_loss_weights is None else tuple(stage_loss_weights)
        self.loss_module = MODELS.build(dict(loss))
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    def _add_layers(
        self,
        in_channels: int,
        deconvs: Sequence[Sequence[int] | None],
        convs: Sequence[Sequence[int] | None],
        final_layer: Mapping | None,
    ) -> None:
        """Create the layers that :meth:`forward` runs; for heads that need no other ones.

        Args:
            in_channels: Channels of the last feature.
            deconvs: Channels, kernel sides and groups of transposed convolutions.
            convs: Channels and kernel sides of convolutions behind them.
            final_layer: Arguments of the last convolution; None omits it.
        """
        self.in_channels = in_channels
        width = deconvs[0][-1] if deconvs[0] else in_channels
        final_width = convs[0][-1] if convs[0] else width
        self.deconv_layers = build_deconv_layers(in_channels, *deconvs)
        self.conv_layers = build_conv_layers(width, *convs)
        self.final_layer = build_final_layer(final_width, self.out_channels, final_layer)

    def forward(self, feats: Features) -> Tensor | list[Tensor]:
        """Compute heatmaps (B, out_channels, H, W) from the last of ``feats``.

        Raises:
            ConfigError: It has not ``in_channels`` channels.
        """
        channels = feats[-1].shape[1]
        check_input_channels(feats[-1], self.in_channels, f'set head.in_channels={channels}')
        return self.final_layer(self.conv_layers(self.deconv_layers(feats[-1])))

    def loss(
        self, feats: Features, data_samples: Sequence[PoseDataSample], train_cfg: dict | None = None
    ) -> dict[str, Tensor]:
        """Compare the heatmaps with the targets of the samples.

        Args:
            feats: Features of B images.
            data_samples: Their samples, with ``gt_fields.heatmaps`` (out_channels, H, W) and
                ``gt_instance_labels.keypoint_weights`` (1, K).
            train_cfg: ``compute_acc=False`` leaves ``acc_pose`` out.

        Returns:
            ``loss_kpt``, the sum over all stages, and ``acc_pose``, the last stage's
            :meth:`accuracy`.

        Raises:
            ConfigError: Targets and heatmaps differ in number or size, or there are more or fewer
                ``stage_loss_weights`` than stages.
        """
        stages = list_stages(self.forward(feats))
        targets, weights = self.targets(data_samples)
        losses = dict(loss_kpt=self.compare(stages, targets, weights))
        if (train_cfg or {}).get('compute_acc', True):
            losses['acc_pose'] = self.accuracy(stages[-1], targets, weights)
        return losses

    def targets(self, data_samples: Sequence[PoseDataSample]) -> tuple[Tensor, Tensor]:
        """Collect what the heatmaps of B images shall be.

        Returns:
            Target heatmaps (B, out_channels, H, W) and keypoint weights (B, K).
        """
        heatmaps = torch.stack([sample.gt_fields.heatmaps for sample in data_samples])
        weights = torch.cat([s.gt_instance_labels.keypoint_weights for s in data_samples])
        return heatmaps, weights

    def accuracy(self, heatmaps: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Share of keypoints whose peak lies within 5 % of the map's size of the target's.

        Args:
            heatmaps: Heatmaps of the last stage, (B, out_channels, H, W).
            targets: Target heatmaps of the same shape.
            weights: (B, K); keypoints of weight 0 do not count.

        Returns:
            A scalar.
        """
        step = heatmaps.shape[1] // weights.shape[1]  # the heatmap that peaks leads its group
        predicted, wanted = to_numpy(heatmaps[:, ::step]), to_numpy(targets[:, ::step])
        _, accuracy, _ = pose_pck_accuracy(predicted, wanted, to_numpy(weights) > 0)
        return heatmaps.new_tensor(accuracy)

    def compare(self, stages: list[Tensor], targets: Tensor, weights: Tensor) -> Tensor:
        """Sum the weighted losses of all stages, the heatmaps of one pass, against the targets.

        Raises:
            ConfigError: Targets and heatmaps differ in number or size, or there are more or fewer
                ``stage_loss_weights`` than stages.
        """
        factors = self.stage_loss_weights or (1.0,) * len(stages)
        if len(factors) != len(stages):
            raise ConfigError(
                f'head.stage_loss_weights must have one entry for each of the {len(stages)} stages '
                f'of the network, got {factors}'
            )
        for maps in stages:
            self.check_maps(maps, tuple(targets.shape[1:]), 'the targets')
        terms = zip(factors, stages, strict=True)
        return sum(factor * self.loss_module(maps, targets, weights) for factor, maps in terms)

    def predict(
        self,
        feats: Features | Sequence[Features],
        data_samples: Sequence[PoseDataSample],
        test_cfg: dict | None = None,
    ) -> tuple[list[InstanceData], list[PixelData] | None]:
        """Decode keypoints in input pixels.

        Args:
            feats: Features of B images; under ``flip_test`` a pair, the second of the mirrored
                images.
            data_samples: Their samples; ``flip_indices`` (K,) is read under ``flip_test``.
            test_cfg: ``flip_test``, ``flip_mode``, ``shift_heatmap`` (move mirrored heatmaps one
                pixel to the right), ``output_heatmaps`` (return the heatmaps too).

        Returns:
            Per image ``keypoints`` (1, K, 2) and ``keypoint_scores`` (1, K); and the heatmaps
            (out_channels, H, W), with metainfo ``heatmap_stride``, where asked for, else None.

        Raises:
            ConfigError: There is no decoder, or its ``heatmap_size`` is not that of the heatmaps.
        """
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            heatmaps = self._forward_flip_test(feats, data_samples, test_cfg)
        else:
            heatmaps = list_stages(self.forward(feats))[-1]
        return self.decode(heatmaps, test_cfg.get('output_heatmaps', False))

    def decode(
        self, heatmaps: Tensor, output_heatmaps: bool = False
    ) -> tuple[list[InstanceData], list[PixelData] | None]:
        """Read the keypoints of heatmaps (B, out_channels, H, W); see :meth:`predict`.

        Raises:
            ConfigError: There is no decoder, or its ``heatmap_size`` is not that of the heatmaps.
        """
        if self.decoder is None:
            raise ConfigError('head.decoder must be set to predict: give it the codec of the data')
        width, height = self.decoder.heatmap_size
        self.check_maps(heatmaps, (self.out_channels, height, width), 'the decoder')
        keypoints, scores = self.decoder.batch_decode(to_numpy(heatmaps))
        instances = [
            InstanceData(keypoints=keypoints[i : i + 1], keypoint_scores=scores[i : i + 1])
            for i in range(len(heatmaps))
        ]
        if not output_heatmaps:
            return instances, None
        meta = dict(heatmap_stride=tuple(self.decoder.stride.tolist()))
        return instances, [PixelData(metainfo=meta, heatmaps=maps) for maps in heatmaps.detach()]

    def _forward_flip_test(
        self,
        feats: Sequence[Features],
        data_samples: Sequence[PoseDataSample],
        test_cfg: dict,
    ) -> Tensor:
        """Average the last heatmaps of the images with those of the mirrored images."""
        plain, mirrored = (list_stages(self.forward(half))[-1] for half in feats)
        flipped = flip_heatmaps(
            mirrored,
            flip_mode=test_cfg.get('flip_mode', 'heatmap'),
            flip_indices=data_samples[0].metainfo['flip_indices'],
            shift_heatmap=test_cfg.get('shift_heatmap', False),
        )
        return (plain + flipped) * 0.5

    def check_maps(self, heatmaps: Tensor, wanted: tuple[int, ...], source: str) -> None:
        """Require heatmaps (B, C, H, W) to have the shape ``wanted``, (C, H, W), of ``source``.

        Raises:
            ConfigError: They have another one; the text says what to set.
        """
        made = tuple(heatmaps.shape[1:])
        if made == wanted:
            return
        if made[0] != wanted[0]:
            raise ConfigError(
                f'the head must make as many heatmaps as {source} hold: it makes {made[0]}, '
                f'{source} hold {wanted[0]}; set head.out_channels={wanted[0]} (keypoints '
                'of the data set)'
            )
        size, wanted_size = made[:0:-1], wanted[:0:-1]
        raise ConfigError(
            f"the head's heatmaps must have the codec's heatmap_size: the network makes {size}, "
            f'{source} have {wanted_size} (width, height); set the codec to heatmap_size={size}, '
            "or change input_size (a multiple of the network's stride, mostly 32) or the head's "
            'deconv layers'
        )


#: Initialisation of heads without init_cfg.
_DEFAULT_INIT = [
    dict(type='Normal', std=0.001, layer=['Conv2d', 'ConvTranspose2d']),
    dict(type='Constant', val=1, layer='BatchNorm2d'),
]


def list_stages(maps: Tensor | list[Tensor]) -> list[Tensor]:
    """Return the heatmaps of every stage, the prediction last.

    Raises:
        ConfigError: They are the vectors of a head of coordinate classification.
    """
    if isinstance(maps, tuple):
        raise ConfigError(
            'the network must make heatmaps here, got vectors of bins: choose another head'
        )
    return [maps] if isinstance(maps, Tensor) else maps


def to_numpy(tensor: Tensor) -> np.ndarray:
    """Copy to the CPU in float32, which bfloat16 heatmaps need for NumPy."""
    return tensor.detach().float().cpu().numpy()
