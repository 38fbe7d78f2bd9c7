"""Training targets, drawn by the codec."""

from collections.abc import Sequence
from typing import Any

from mmcv.transforms import BaseTransform

from posenas.registry import KEYPOINT_CODECS, TRANSFORMS
from posenas.utils.errors import ConfigError


@TRANSFORMS.register_module()
class GenerateTarget(BaseTransform):
    """Encode the keypoints of the crop.

    Reads ``transformed_keypoints`` (1, K, 2), input pixels, and ``keypoints_visible`` (1, K) or,
    where present, ``transformed_keypoints_visible``; adds what the codec returns, ``heatmaps``
    (C, H, W) and ``keypoint_weights`` (1, K), for instance, and beside heatmaps ``heatmap_stride``
    (2,), input pixels per heatmap pixel; or a list of each with ``multilevel``.
    Where ``label_scores`` (1, K) is present, ``keypoint_weights`` are multiplied by it.

    Args:
        encoder: Config of a codec, or one for each level.
        target_type: Ignored; kept for configs written for MMPose.
        multilevel: Whether ``encoder`` is a list, one codec for each output of the network.
        use_dataset_keypoint_weights: Whether to multiply ``keypoint_weights`` by the skeleton's
            joint weights, ``dataset_keypoint_weights`` (K,).
    """

    def __init__(
        self,
        encoder: dict | Sequence[dict],
        target_type: str | None = None,
        multilevel: bool = False,
        use_dataset_keypoint_weights: bool = False,
    ) -> None:
        if isinstance(encoder, Sequence) != multilevel:
            raise ConfigError(
                'encoder must be a list exactly if multilevel is True, got '
                f'{type(encoder).__name__} and multilevel={multilevel}'
            )
        configs = encoder if multilevel else [encoder]
        self.codecs = [KEYPOINT_CODECS.build(config) for config in configs]
        self.multilevel = multilevel
        self.use_dataset_keypoint_weights = use_dataset_keypoint_weights

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys.

        Raises:
            ConfigError: The codec's input differs in size from the crop.
        """
        targets = [self._encode(codec, results) for codec in self.codecs]
        if self.multilevel:
            results.update({key: [target[key] for target in targets] for key in targets[0]})
        else:
            results.update(targets[0])
        return results

    def _encode(self, codec: Any, results: dict) -> dict[str, Any]:  # noqa: ANN401
        crop_size = results.get('input_size')
        if crop_size is not None and tuple(codec.input_size) != tuple(crop_size):
            raise ConfigError(
                f'input_size of the codec must equal that of TopdownAffine, {tuple(crop_size)}, '
                f'got {tuple(codec.input_size)}'
            )
        visible = results.get('transformed_keypoints_visible', results['keypoints_visible'])
        target = codec.encode(results['transformed_keypoints'], visible)
        if 'label_scores' in results:
            target['keypoint_weights'] = target['keypoint_weights'] * results['label_scores']
        if self.use_dataset_keypoint_weights:
            weights = results['dataset_keypoint_weights']
            target['keypoint_weights'] = target['keypoint_weights'] * weights
        if 'heatmaps' in target:
            target['heatmap_stride'] = tuple(codec.stride.tolist())
        return target
