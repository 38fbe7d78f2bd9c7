"""Random shift, scale and rotation of the crop."""

import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_probability
from posenas.utils.errors import ConfigError
from posenas.utils.generations import check_generation
from posenas.utils.randomness import Stream, make_generator


def _truncated_normal(rng: np.random.Generator) -> float:
    """Draw from the standard normal distribution cut to [-1, 1]."""
    while True:
        value = float(rng.standard_normal())
        if -1 <= value <= 1:
            return value


def clipped_normal(rng: np.random.Generator, limit: float) -> float:
    """Draw from the standard normal distribution; values beyond ``limit`` become it."""
    return min(max(float(rng.standard_normal()), -limit), limit)


@TRANSFORMS.register_module()
class RandomBBoxTransform(BaseTransform):
    """Disturb the crop.

    Changes ``bbox_center`` (1, 2) and ``bbox_scale`` (1, 2), image pixels; reads ``rng`` and, with
    ``shift_once``, ``run_seed``; adds ``bbox_rotation`` (1,), degrees.

    Args:
        shift_factor: Largest move of the centre, as a fraction of the scale.
        shift_prob: Probability of a move.
        scale_factor: Least and largest factor on the scale.
        scale_prob: Probability of scaling.
        rotate_factor: Largest rotation, degrees.
        rotate_prob: Probability of rotating.
        shift_once: Whether a sample is moved alike in all epochs. MMPose 0.x moved centres when
            it read the annotations, before flip and half body: to repeat that, give this
            transform twice, first right after GetBBoxCenterScale, only to move, then after
            RandomHalfBody, only to scale and rotate.
        generation: '1.x' draws from a normal distribution cut at one standard deviation, which is
            the largest value. '0.x' and 'hrnet' clip a normal distribution, the scale at one
            standard deviation and the rotation at two, so ``rotate_factor`` is twice their
            ``rot_factor``; and they move the centre evenly.
    """

    def __init__(
        self,
        shift_factor: float = 0.16,
        shift_prob: float = 0.3,
        scale_factor: tuple[float, float] = (0.5, 1.5),
        scale_prob: float = 1.0,
        rotate_factor: float = 80.0,
        rotate_prob: float = 0.6,
        shift_once: bool = False,
        generation: str = '1.x',
    ) -> None:
        low, high = scale_factor
        if not 0 < low <= high:
            raise ConfigError(
                f'scale_factor must be (low, high) with 0 < low <= high, got {low, high}'
            )
        for name, prob in (('shift', shift_prob), ('scale', scale_prob), ('rotate', rotate_prob)):
            check_probability(f'{name}_prob', prob)
        check_generation(generation)
        self.shift_factor, self.shift_prob = shift_factor, shift_prob
        self.scale_middle, self.scale_spread = (low + high) / 2, (high - low) / 2
        self.scale_prob = scale_prob
        self.rotate_factor, self.rotate_prob = rotate_factor, rotate_prob
        self.shift_once = shift_once
        self.is_truncated = generation == '1.x'

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        rng, scale = results['rng'], results['bbox_scale']
        shift_rng = rng
        if self.shift_once:
            shift_rng = make_generator(Stream.FIXED_SAMPLE, *results['run_seed'])
        if shift_rng.random() < self.shift_prob:
            offset = np.array([self._draw_offset(shift_rng)], np.float32)
            results['bbox_center'] = results['bbox_center'] + offset * self.shift_factor * scale
        if rng.random() < self.scale_prob:
            factor = self.scale_middle + self.scale_spread * self._draw_unit(rng, 1)
            results['bbox_scale'] = scale * np.float32(factor)
        rotation = 0.0
        if rng.random() < self.rotate_prob:
            rotation = self.rotate_factor * self._draw_unit(rng, 2)
        results['bbox_rotation'] = np.array([rotation], np.float32)
        return results

    def _draw_unit(self, rng: np.random.Generator, num_deviations: int) -> float:
        """Draw from [-1, 1], which spans so many deviations of the clipped distribution."""
        if self.is_truncated:
            return _truncated_normal(rng)
        return clipped_normal(rng, num_deviations) / num_deviations

    def _draw_offset(self, rng: np.random.Generator) -> tuple[float, float]:
        """Draw a move along x and y, both in [-1, 1]."""
        if self.is_truncated:
            return _truncated_normal(rng), _truncated_normal(rng)
        return 2 * float(rng.random()) - 1, 2 * float(rng.random()) - 1
