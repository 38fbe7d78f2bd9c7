"""Random crop to the upper or the lower body."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_positive, check_probability
from posenas.utils.generations import check_generation


@TRANSFORMS.register_module()
class RandomHalfBody(BaseTransform):
    """Crop to the visible keypoints of one half of the body.

    Changes ``bbox_center`` (1, 2) to their mean and ``bbox_scale`` (1, 2) to their padded extent,
    image pixels; reads ``keypoints`` (1, K, 2), ``keypoints_visible`` (1, K), ``upper_body_ids``,
    ``lower_body_ids`` and ``rng``. The frames of a clip share a dict ``clip``: the first one writes
    there where in its box the crop lies, the others are cropped alike.

    Args:
        min_total_keypoints: Fewest visible keypoints of a person that is cropped.
        min_upper_keypoints: Fewest visible keypoints of an upper body to crop to; '1.x' only.
        min_lower_keypoints: The same for the lower body.
        padding: Factor by which the crop exceeds the joints' extent.
        prob: Probability of cropping.
        upper_prioritized_prob: Probability of the upper body where both will do; '1.x' only.
        generation: '1.x', or '0.x' and 'hrnet': the upper body if it has more than two keypoints
            and a standard normal draw is below 0.5 (probability 0.69), else the lower if it has
            more than two, else the upper if it has two.
    """

    def __init__(
        self,
        min_total_keypoints: int = 9,
        min_upper_keypoints: int = 2,
        min_lower_keypoints: int = 3,
        padding: float = 1.5,
        prob: float = 0.3,
        upper_prioritized_prob: float = 0.7,
        generation: str = '1.x',
    ) -> None:
        check_positive('padding', padding)
        check_probability('prob', prob)
        check_probability('upper_prioritized_prob', upper_prioritized_prob)
        check_generation(generation)
        self.min_total_keypoints = min_total_keypoints
        self.min_upper_keypoints = min_upper_keypoints
        self.min_lower_keypoints = min_lower_keypoints
        self.padding = padding
        self.prob = prob
        self.upper_prioritized_prob = upper_prioritized_prob
        self._choose = self._choose_v1 if generation == '1.x' else self._choose_v0

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        clip = results.get('clip')
        if clip is not None and 'half_body' in clip:
            return self._repeat(results, clip['half_body'])
        before = results['bbox_center'], results['bbox_scale']
        results = self._crop(results)
        if clip is not None:
            clip['half_body'] = _compare(before, results)
        return results

    @staticmethod
    def _repeat(results: dict, crop: tuple[np.ndarray, np.ndarray] | None) -> dict:
        """Crop as :func:`_compare` says of another frame."""
        if crop is not None:
            offset, factor = crop
            scale = results['bbox_scale']
            results['bbox_center'] = results['bbox_center'] + offset * scale
            results['bbox_scale'] = scale * factor
        return results

    def _crop(self, results: dict) -> dict:
        """Crop at random."""
        rng = results['rng']
        visible = results['keypoints_visible'][0].tolist()
        if sum(v > 0 for v in visible) < self.min_total_keypoints or rng.random() >= self.prob:
            return results
        upper = [i for i in results['upper_body_ids'] if visible[i] > 0]
        lower = [i for i in results['lower_body_ids'] if visible[i] > 0]
        chosen = self._choose(upper, lower, rng)
        if chosen:
            joints = results['keypoints'][0, chosen]
            extent = joints.max(axis=0) - joints.min(axis=0)
            if extent.max() > 0:
                results['bbox_center'] = joints.mean(axis=0, keepdims=True)
                results['bbox_scale'] = (extent * self.padding)[None]
        return results

    def _choose_v1(
        self, upper: Sequence[int], lower: Sequence[int], rng: np.random.Generator
    ) -> Sequence[int]:
        prefer_upper = rng.random() < self.upper_prioritized_prob
        has_upper = len(upper) >= self.min_upper_keypoints
        has_lower = len(lower) >= self.min_lower_keypoints
        if has_upper and has_lower:
            return upper if prefer_upper else lower
        if has_upper:
            return upper
        return lower if has_lower else ()

    @staticmethod
    def _choose_v0(
        upper: Sequence[int], lower: Sequence[int], rng: np.random.Generator
    ) -> Sequence[int]:
        if rng.standard_normal() < 0.5 and len(upper) > 2:
            return upper
        if len(lower) > 2:
            return lower
        return upper if len(upper) >= 2 else ()


def _compare(
    before: tuple[np.ndarray, np.ndarray], after: dict
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return move of the centre and factor of the scale, in units of the scale; None for none."""
    center, scale = before
    if after['bbox_center'] is center and after['bbox_scale'] is scale:
        return None
    return (after['bbox_center'] - center) / scale, after['bbox_scale'] / scale
