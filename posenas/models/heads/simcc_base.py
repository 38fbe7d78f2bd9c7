"""What all heads of coordinate classification share: targets, loss, accuracy, decoding."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from mmengine.model import BaseModule
from mmengine.structures import InstanceData, PixelData
from torch import Tensor

from posenas.codecs import simcc_pck_accuracy
from posenas.models.heads.base import Features, to_numpy
from posenas.models.layers.input_size import check_input_channels
from posenas.registry import KEYPOINT_CODECS, MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError

#: Loss of heads whose config names none.
SIMCC_LOSS = MappingProxyType(dict(type='KLDiscretLoss', use_target_weight=True))
#: Vectors of x, (B, K, bins of x), and of y, (B, K, bins of y).
Vectors = tuple[Tensor, Tensor]


class BaseSimCCHead(BaseModule):
    """Turn features into a vector of logits for x and one for y of each keypoint.

    Li et al., SimCC: A Simple Coordinate Classification Perspective for Human Pose Estimation, ECCV
    2022, section 3. A head is bound to one size of the input.

    Args:
        in_channels: Channels of the last feature.
        out_channels: Keypoints K.
        input_size: Width and height of the crop, pixels.
        in_featuremap_size: Width and height of the last feature.
        simcc_split_ratio: Bins per pixel.
        loss: Config of the loss, called as ``loss(vectors, targets, keypoint_weights)``.
        decoder: Config of the codec that wrote the targets; needed for predictions only.
        init_cfg: Initialisation; None draws convolutions from a normal distribution with standard
            deviation 0.001 and linear layers with 0.01, and sets batch norms to 1.

    Raises:
        ConfigError: ``in_channels`` is a list: the head reads the last feature alone.

    Attributes:
        num_bins: Bins of x and of y.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: Sequence[int],
        in_featuremap_size: Sequence[int],
        simcc_split_ratio: float = 2.0,
        loss: Mapping = SIMCC_LOSS,
        decoder: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(_DEFAULT_INIT if init_cfg is None else init_cfg)
        if not isinstance(in_channels, int):
            raise ConfigError(
                f'{type(self).__name__} reads the last feature alone: set head.in_channels to its '
                f'channels, one number, got {in_channels}'
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.input_size, self.in_featuremap_size = tuple(input_size), tuple(in_featuremap_size)
        self.num_bins = tuple(int(side * simcc_split_ratio) for side in self.input_size)
        self.loss_module = MODELS.build(dict(loss))
        self.decoder = None if decoder is None else KEYPOINT_CODECS.build(decoder)

    def check_feature(self, feats: Features) -> Tensor:
        """Return the last feature, (B, in_channels, H, W).

        Raises:
            ConfigError: Its channels or its size are others than the head was built for.
        """
        feature = feats[-1]
        channels = feature.shape[1]
        check_input_channels(feature, self.in_channels, f'set head.in_channels={channels}')
        size = (feature.shape[3], feature.shape[2])
        if not torch.jit.is_tracing() and size != self.in_featuremap_size:
            raise ConfigError(
                f'the head was built for features of {self.in_featuremap_size} (width, height), '
                f'got {size}: give images of {self.input_size} pixels, or set '
                f'head.in_featuremap_size={size} and head.input_size to the size of the images'
            )
        return feature

    def loss(
        self, feats: Features, data_samples: Sequence[PoseDataSample], train_cfg: dict | None = None
    ) -> dict[str, Tensor]:
        """Compare the vectors with the targets of the samples.

        Args:
            feats: Features of B images.
            data_samples: Their samples, with ``keypoint_x_labels`` (1, K, bins of x),
                ``keypoint_y_labels`` (1, K, bins of y) and ``keypoint_weights`` (1, K) in
                ``gt_instance_labels``.
            train_cfg: ``compute_acc=False`` leaves ``acc_pose`` out.

        Returns:
            ``loss_kpt`` and ``acc_pose``, the share of keypoints whose bins lie within 5 % of the
            target's.

        Raises:
            ConfigError: Targets and vectors differ in number or length.
        """
        return self.compare(self.forward(feats), data_samples, train_cfg)

    def compare(
        self,
        vectors: Vectors,
        data_samples: Sequence[PoseDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """Compare vectors of :meth:`forward` with the targets; see :meth:`loss`."""
        targets, weights = self.targets(data_samples)
        for made, wanted in zip(vectors, targets, strict=True):
            self._check_vectors(made, tuple(wanted.shape[1:]), 'the targets')
        losses = dict(loss_kpt=self.loss_module(vectors, targets, weights))
        if (train_cfg or {}).get('compute_acc', True):
            predicted, wanted = (tuple(map(to_numpy, pair)) for pair in (vectors, targets))
            _, accuracy, _ = simcc_pck_accuracy(predicted, wanted, to_numpy(weights) > 0)
            losses['acc_pose'] = vectors[0].new_tensor(accuracy)
        return losses

    def targets(self, data_samples: Sequence[PoseDataSample]) -> tuple[Vectors, Tensor]:
        """Collect what the vectors of B images shall be.

        Returns:
            Target vectors of x and y, (B, K, bins) each, and keypoint weights (B, K).

        Raises:
            ConfigError: The samples hold none.
        """
        labels = [sample.gt_instance_labels for sample in data_samples]
        if labels and 'keypoint_x_labels' not in labels[0]:
            raise ConfigError(
                'a head of coordinate classification learns from keypoint_x_labels and '
                f'keypoint_y_labels, got {sorted(labels[0].keys())}: set the codec of the head '
                "and of GenerateTarget to type='SimCCLabel'"
            )
        x, y = (torch.cat([one[f'keypoint_{axis}_labels'] for one in labels]) for axis in 'xy')
        return (x, y), torch.cat([one.keypoint_weights for one in labels])

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
            test_cfg: ``flip_test``, ``output_heatmaps`` (return products of the vectors too).

        Returns:
            Per image ``keypoints`` (1, K, 2) and ``keypoint_scores`` (1, K), with
            ``keypoints_visible`` (1, K) where the codec decodes it; and heatmaps (K, bins of y,
            bins of x), with metainfo ``heatmap_stride``, where asked for, else None.

        Raises:
            ConfigError: There is no decoder, or its bins are others than the head's.
        """
        test_cfg = test_cfg or {}
        if self.decoder is None:
            raise ConfigError('head.decoder must be set to predict: give it the codec of the data')
        if test_cfg.get('flip_test', False):
            plain, mirrored = (self.forward(half) for half in feats)
            flip_indices = data_samples[0].metainfo['flip_indices']
            flipped = self.decoder.flip_back(mirrored, flip_indices)
            vectors = tuple((a + b) * 0.5 for a, b in zip(plain, flipped, strict=True))
        else:
            vectors = self.forward(feats)
        for made, bins in zip(vectors, self.decoder.num_bins, strict=True):
            self._check_vectors(made, (self.out_channels, bins), 'the decoder')
        instances = self._decode(vectors)
        if not test_cfg.get('output_heatmaps', False):
            return instances, None
        meta = dict(heatmap_stride=tuple(self.decoder.stride.tolist()))
        x, y = (_cap(axis.detach()) for axis in vectors)
        heatmaps = y[..., None] * x[:, :, None]  # (B, K, bins of y, bins of x)
        return instances, [PixelData(metainfo=meta, heatmaps=maps) for maps in heatmaps]

    def _decode(self, vectors: Vectors) -> list[InstanceData]:
        """Read the keypoints of B people from their vectors."""
        keypoints, scores = self.decoder.decode(*map(to_numpy, vectors))
        fields = dict(keypoints=keypoints)
        if isinstance(scores, tuple):
            scores, fields['keypoints_visible'] = scores
        fields['keypoint_scores'] = scores
        return [
            InstanceData(**{name: values[i : i + 1] for name, values in fields.items()})
            for i in range(len(keypoints))
        ]

    def _check_vectors(self, vectors: Tensor, wanted: tuple[int, int], source: str) -> None:
        """Require vectors (B, K, bins) to have the shape ``wanted``, (K, bins), of ``source``."""
        made = tuple(vectors.shape[1:])
        if made != wanted:
            raise ConfigError(
                f'the head must make vectors (keypoints, bins) as {source} have: it makes {made}, '
                f'{source} have {wanted}; give head.out_channels the keypoints of the data set, '
                'and head.input_size and head.simcc_split_ratio those of the codec'
            )


#: Initialisation of heads without init_cfg.
_DEFAULT_INIT = [
    dict(type='Normal', std=0.001, layer=['Conv2d', 'ConvTranspose2d']),
    dict(type='Constant', val=1, layer='BatchNorm2d'),
    dict(type='Normal', std=0.01, bias=0, layer=['Linear']),
]


def _cap(vectors: Tensor) -> Tensor:
    """Set negative logits to 0 and divide vectors (B, K, bins) by a maximum above 1."""
    positive = vectors.float().clamp(min=0)
    return positive / positive.amax(-1, keepdim=True).clamp(min=1)
