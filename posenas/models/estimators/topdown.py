"""Top-down estimation: one person per input."""

from collections.abc import Mapping, Sequence

import torch
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from posenas.geometry import crop_to_image
from posenas.models.estimators.base import BasePoseEstimator
from posenas.models.fused import is_fused
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils.errors import ConfigError


@MODELS.register_module()
class TopdownPoseEstimator(BasePoseEstimator):
    """Estimate the keypoints of one person per crop and carry them back to the image.

    The arguments are those of :class:`BasePoseEstimator`. In ``test_cfg``: ``flip_test`` averages
    with the heatmaps of the mirrored crop, ``flip_mode`` says how those are mirrored back,
    ``shift_heatmap`` moves them one pixel to the right, ``output_heatmaps`` adds ``pred_fields``,
    ``output_keypoint_indices`` names the keypoints that predictions keep, in this order: those of
    the data set, whose ``flip_indices`` samples have.
    """

    def loss(self, inputs: Tensor, data_samples: Sequence[PoseDataSample]) -> dict[str, Tensor]:
        """Compute ``loss_kpt`` and ``acc_pose`` of crops (B, 3, H, W) with their targets."""
        return self.head.loss(self.extract_feat(inputs), data_samples, self.train_cfg)

    def predict(
        self, inputs: Tensor, data_samples: Sequence[PoseDataSample]
    ) -> list[PoseDataSample]:
        """Add predictions to the samples of crops (B, 3, H, W).

        Returns:
            The samples with ``pred_instances``: ``keypoints`` (1, K, 2) in image pixels,
            ``keypoint_scores`` and ``keypoints_visible`` (1, K), and the given ``bboxes`` (1, 4)
            and ``bbox_scores`` (1,); with ``pred_fields`` under ``output_heatmaps``.

        Raises:
            ConfigError: A sample lacks ``warp_mat``.
        """
        flip_test = self.test_cfg.get('flip_test', False)
        kept = self.test_cfg.get('output_keypoint_indices')
        if flip_test and kept is not None:
            _widen_flip_indices(data_samples, list(kept), self.head)
        feats = self._extract_twice(inputs) if flip_test else self.extract_feat(inputs)
        instances, fields = self.head.predict(feats, data_samples, self.test_cfg)
        add_predictions(data_samples, instances, fields, self.test_cfg)
        return list(data_samples)

    def _extract_twice(self, inputs: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Compute the features of images (B, 3, H, W) and of their mirror images.

        The fused form takes all of them as one batch: its networks treat each image by itself.
        """
        mirrored = inputs.flip(-1)
        if not is_fused(self):
            return self.extract_feat(inputs), self.extract_feat(mirrored)
        feats = self.extract_feat(torch.cat((inputs, mirrored)))
        plain, flipped = zip(*(feat.chunk(2) for feat in feats), strict=True)
        return plain, flipped


def _widen_flip_indices(
    samples: Sequence[PoseDataSample], kept: list[int], head: nn.Module
) -> None:
    """Turn flip indices of the keypoints that are kept into those of all that the head finds."""
    pairs = list(samples[0].metainfo['flip_indices'])
    num_keypoints = head.out_channels // head.decoder.channels_per_keypoint
    if len(pairs) == num_keypoints or len(pairs) != len(kept):
        return
    widened = list(range(num_keypoints))
    for place, mirrored in zip(kept, pairs, strict=True):
        widened[place] = kept[mirrored]
    for sample in samples:
        sample.set_metainfo(dict(flip_indices=widened))


def add_predictions(
    samples: Sequence[PoseDataSample],
    instances: Sequence[InstanceData],
    fields: Sequence[PixelData] | None,
    test_cfg: Mapping,
) -> None:
    """Store what a head found in crops in their samples, in image pixels.

    Args:
        samples: One per crop.
        instances: Keypoints of each in input pixels.
        fields: Heatmaps of each; None stores none.
        test_cfg: ``output_keypoint_indices`` names the keypoints that are kept.

    Raises:
        ConfigError: A sample lacks ``warp_mat``, or there is no such keypoint.
    """
    kept = test_cfg.get('output_keypoint_indices')
    for i, sample in enumerate(samples):
        found = instances[i] if kept is None else _select_joints(instances[i], list(kept))
        _add_prediction(sample, found, None if fields is None else fields[i])


def _select_joints(instances: InstanceData, kept: list[int]) -> InstanceData:
    """Keep some keypoints of ``keypoints`` (1, K, 2), of their scores and of the like (1, K)."""
    count = instances.keypoints.shape[1]
    if not set(kept) <= set(range(count)):
        raise ConfigError(
            f'test_cfg.output_keypoint_indices must be of 0 to {count - 1}, got {kept}'
        )
    return InstanceData(**{name: values[:, kept] for name, values in instances.items()})


def _add_prediction(
    sample: PoseDataSample, instances: InstanceData, fields: PixelData | None
) -> None:
    """Move keypoints from input to image pixels and store them beside the given boxes."""
    warp_mat = sample.metainfo.get('warp_mat')
    if warp_mat is None:
        raise ConfigError(
            'data samples must have warp_mat, the matrix (2, 3) from image to crop, to predict in '
            f'image pixels, got {sorted(sample.metainfo)}: crop by TopdownAffine, or set '
            "results['warp_mat'] in the transform that crops, and pack by PackPoseInputs"
        )
    instances.keypoints = crop_to_image(instances.keypoints, warp_mat)
    if 'keypoints_visible' not in instances:
        instances.keypoints_visible = instances.keypoint_scores
    instances.bboxes = sample.gt_instances.bboxes
    instances.bbox_scores = sample.gt_instances.bbox_scores
    sample.pred_instances = instances
    if fields is not None:
        sample.pred_fields = fields
