"""Random changes of light and colour."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS
from posenas.utils.generations import check_generation


@TRANSFORMS.register_module()
class PhotometricDistortion(BaseTransform):
    """Change brightness, contrast, saturation and hue, each with probability 0.5.

    Changes ``img`` (H, W, 3), in the order blue, green, red, in [0, 255]; reads ``rng``. Contrast
    changes before or after the colours, and the channels are permuted, each with probability 0.5.

    Source: Liu et al., SSD: Single Shot MultiBox Detector, ECCV 2016, training data.

    Args:
        brightness_delta: Largest change of brightness, of 255.
        contrast_range: Least and largest factor of contrast.
        saturation_range: Least and largest factor of saturation.
        hue_delta: Largest change of hue, degrees of 180.
        generation: '1.x', or '0.x' and 'hrnet', which leave the channels in their order.
    """

    def __init__(
        self,
        brightness_delta: int = 32,
        contrast_range: tuple[float, float] = (0.5, 1.5),
        saturation_range: tuple[float, float] = (0.5, 1.5),
        hue_delta: int = 18,
        generation: str = '1.x',
    ) -> None:
        check_generation(generation)
        self.brightness_delta = brightness_delta
        self.contrast_range = contrast_range
        self.saturation_range = saturation_range
        self.hue_delta = hue_delta
        self.with_permutation = generation == '1.x'

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        rng, image = results['rng'], results['img'].astype(np.float32)
        if rng.random() < 0.5:
            image += np.float32(rng.uniform(-self.brightness_delta, self.brightness_delta))
        contrast_first = rng.random() < 0.5
        contrast = rng.uniform(*self.contrast_range) if rng.random() < 0.5 else 1.0
        if contrast_first:
            image *= np.float32(contrast)
        image = self._change_colors(np.clip(image, 0, 255), rng)
        if not contrast_first:
            image *= np.float32(contrast)
        if self.with_permutation and rng.random() < 0.5:
            image = image[:, :, rng.permutation(3)]
        results['img'] = np.clip(image, 0, 255).astype(results['img'].dtype)
        return results

    def _change_colors(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Change saturation and hue of ``image`` (H, W, 3) float32 in [0, 255]."""
        saturation = rng.uniform(*self.saturation_range) if rng.random() < 0.5 else 1.0
        hue = rng.uniform(-self.hue_delta, self.hue_delta) if rng.random() < 0.5 else 0.0
        if saturation == 1.0 and hue == 0.0:
            return image
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)  # hue in [0, 360)
        hsv[:, :, 0] = (hsv[:, :, 0] + 2 * hue) % 360
        hsv[:, :, 1] = np.clip(hsv[:, :, 1] * saturation, 0, 1)
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
