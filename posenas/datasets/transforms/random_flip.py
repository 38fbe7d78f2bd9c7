"""Random left-right mirroring."""

from mmcv.image import imflip
from mmcv.transforms import BaseTransform

from posenas.geometry import flip_bbox, flip_keypoints
from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_probability


@TRANSFORMS.register_module()
class RandomFlip(BaseTransform):
    """Mirror image, box and keypoints together.

    Changes ``img`` (H, W, 3) uint8 and, in image pixels, ``bbox`` (1, 4), ``bbox_center`` (1, 2),
    ``keypoints`` (1, K, 2), ``keypoints_visible`` and, where present, ``keypoints_level`` and
    ``label_scores`` (1, K); reads ``flip_indices`` (K,) and ``rng``; adds ``flip``.

    Args:
        prob: Probability of mirroring, in [0, 1].
        direction: Only 'horizontal'; kept for configs written for MMPose.
    """

    def __init__(self, prob: float = 0.5, direction: str = 'horizontal') -> None:
        if direction != 'horizontal':
            raise ValueError(f"direction must be 'horizontal', got {direction!r}")
        check_probability('prob', prob)
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        results['flip'] = bool(results['rng'].random() < self.prob)
        if results['flip']:
            width, joints = results['img'].shape[1], results['flip_indices']
            results['img'] = imflip(results['img'])  # a view
            results['bbox'] = flip_bbox(results['bbox'], width)
            results['bbox_center'] = flip_keypoints(results['bbox_center'][None], width, [0])[0]
            results['keypoints'] = flip_keypoints(results['keypoints'], width, joints)
            for key in ('keypoints_visible', 'keypoints_level', 'label_scores'):
                if key in results:
                    results[key] = results[key][:, joints]
        return results
