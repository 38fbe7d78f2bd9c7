"""Parts of the crop that hide others."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS
from posenas.utils.checks import check_probability
from posenas.utils.errors import ConfigError


@TRANSFORMS.register_module()
class RandomJointOcclusion(BaseTransform):
    """Copy patches of background over keypoints, whose labels stay.

    Each chosen keypoint that is visible is covered by a patch from a random place, unless that
    contains a labelled keypoint.

    Changes ``img`` (H, W, 3) of the input; reads ``transformed_keypoints`` (1, K, 2), input
    pixels, ``keypoints_visible`` (1, K) or, where present, ``transformed_keypoints_visible``,
    ``keypoints_level`` (1, K) where present, and ``rng``.

    Source: Yang et al., Pose Neural Fabrics Search, 2019, published code.

    Args:
        joints: Indices of the keypoints that may be covered; published are wrists, knees and
            ankles, (9, 10, 13, 14, 15, 16), of COCO and (15, 10, 1, 5, 0) of MPII.
        prob: Probability that a sample is changed.
        patch_size: Odd width and height of the patches, pixels.
        min_level: Least visibility of a keypoint that is covered: 2 leaves those alone which COCO
            calls occluded, 1 covers every labelled one; MPII has no other level.
    """

    def __init__(
        self,
        joints: Sequence[int],
        prob: float = 0.5,
        patch_size: Sequence[int] = (25, 25),
        min_level: int = 2,
    ) -> None:
        check_probability('prob', prob)
        if len(patch_size) != 2 or any(size < 1 or size % 2 == 0 for size in patch_size):
            raise ConfigError(f'patch_size must be (width, height), both odd, got {patch_size}')
        self.joints = tuple(joints)
        self.prob = prob
        self.radius = np.array([(size - 1) // 2 for size in patch_size])
        self.min_level = min_level

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        rng, image = results['rng'], results['img']
        if rng.random() >= self.prob:
            return results
        size = np.array(image.shape[1::-1])
        if (size <= 2 * self.radius).any():
            raise ConfigError(
                f'patch_size must be smaller than the input, {tuple(size.tolist())}, got radius '
                f'{tuple(self.radius.tolist())}'
            )
        visible = results.get('transformed_keypoints_visible', results['keypoints_visible'])[0] > 0
        levels = results['keypoints_level'][0] if 'keypoints_level' in results else 2 * visible
        points = results['transformed_keypoints'][0]
        visible &= ((points >= 0) & (points < size)).all(axis=1)
        image = np.ascontiguousarray(image).copy()
        for joint in self.joints:
            if visible[joint] and levels[joint] >= self.min_level:
                center = rng.integers(self.radius, size - self.radius)
                hides = (np.abs(points[visible] - center) < self.radius).all(axis=1)
                if not hides.any():
                    _copy_patch(image, center, points[joint].astype(np.int64), self.radius)
        results['img'] = image
        return results


def _copy_patch(
    image: np.ndarray, source: np.ndarray, target: np.ndarray, radius: np.ndarray
) -> None:
    """Copy the patch around ``source`` (x, y) to ``target``, as far as that lies in the image."""
    size = np.array(image.shape[1::-1])
    before = np.minimum(radius, target)
    after = np.minimum(radius, size - 1 - target) + 1
    (x0, y0), (x1, y1) = source - before, source + after
    patch = image[y0:y1, x0:x1].copy()
    (x0, y0), (x1, y1) = target - before, target + after
    image[y0:y1, x0:x1] = patch


@TRANSFORMS.register_module()
class CoarseDropout(BaseTransform):
    """Paint rectangles of the crop in one colour.

    Changes ``img`` (H, W, 3) or (H, W) of the input; reads ``rng``.

    Source: DeVries and Taylor, Improved Regularization of Convolutional Neural Networks with
    Cutout, 2017; arguments as in the library albumentations.

    Args:
        max_holes: Most rectangles.
        max_height: Largest height: pixels, or a fraction of the input if below 1.
        max_width: Largest width, likewise.
        min_holes: Fewest rectangles.
        min_height: Smallest height, likewise.
        min_width: Smallest width, likewise.
        fill_value: Level of the rectangles, or one level per channel (blue, green, red).
        prob: Probability that a sample is changed.
    """

    def __init__(
        self,
        max_holes: int = 1,
        max_height: float = 0.4,
        max_width: float = 0.4,
        min_holes: int = 1,
        min_height: float = 0.2,
        min_width: float = 0.2,
        fill_value: float | Sequence[float] = 0,
        prob: float = 0.5,
    ) -> None:
        check_probability('prob', prob)
        for name, low, high in (
            ('holes', min_holes, max_holes),
            ('height', min_height, max_height),
            ('width', min_width, max_width),
        ):
            if not 0 < low <= high or (low < 1) != (high < 1):
                raise ConfigError(
                    f'min_{name} and max_{name} must be 0 < min <= max, both in pixels or both '
                    f'below 1, got {low} and {high}'
                )
        self.holes = int(min_holes), int(max_holes)
        self.sizes = (min_width, max_width), (min_height, max_height)
        self.fill_value = fill_value
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        rng = results['rng']
        if rng.random() >= self.prob:
            return results
        image = np.ascontiguousarray(results['img']).copy()
        lengths = image.shape[1::-1]
        for _ in range(int(rng.integers(self.holes[0], self.holes[1] + 1))):
            spans = [
                _draw_span(rng, length, limits)
                for length, limits in zip(lengths, self.sizes, strict=True)
            ]
            image[spans[1], spans[0]] = self.fill_value
        results['img'] = image
        return results


def _draw_span(rng: np.random.Generator, length: int, limits: tuple[float, float]) -> slice:
    """Draw a span of cells inside ``length``, its size between ``limits``."""
    low, high = (round(limit * length) if limit < 1 else int(limit) for limit in limits)
    low, high = min(max(low, 1), length), min(max(high, 1), length)
    size = int(rng.integers(low, high + 1))
    start = int(rng.integers(0, length - size + 1))
    return slice(start, start + size)
