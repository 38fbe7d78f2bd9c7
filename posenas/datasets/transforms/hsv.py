"""Random shifts of hue, saturation and value."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from posenas.registry import TRANSFORMS
from posenas.utils.errors import ConfigError


@TRANSFORMS.register_module()
class YOLOXHSVRandomAug(BaseTransform):
    """Shift hue, saturation and value of the whole image, each with probability 0.5.

    Changes ``img`` (H, W, 3) uint8, in the order blue, green, red; reads ``rng``. Shifts are
    uniform within the deltas, cut to whole numbers; hue goes round, the others end at 0 and 255.

    Source: Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv 2107.08430 (official code).

    Args:
        hue_delta: Largest shift of hue, of 180.
        saturation_delta: Largest shift of saturation, of 255.
        value_delta: Largest shift of value, of 255.

    Raises:
        ConfigError: A delta is negative.
    """

    def __init__(
        self, hue_delta: int = 5, saturation_delta: int = 30, value_delta: int = 30
    ) -> None:
        self.deltas = (hue_delta, saturation_delta, value_delta)
        if min(self.deltas) < 0:
            raise ConfigError(f'deltas must not be negative, got {self.deltas}')

    def transform(self, results: dict) -> dict:
        """Apply the transform; the class lists the keys."""
        rng = results['rng']
        shifts = rng.uniform(-1, 1, 3) * self.deltas * rng.integers(0, 2, 3)
        hue, saturation, value = (int(shift) for shift in shifts)
        hsv = cv2.cvtColor(results['img'], cv2.COLOR_BGR2HSV).astype(np.int16)
        hsv[..., 0] = (hsv[..., 0] + hue) % 180
        hsv[..., 1:] = np.clip(hsv[..., 1:] + (saturation, value), 0, 255)
        results['img'] = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2BGR)
        return results
