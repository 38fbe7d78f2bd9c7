"""The camera: contrast, colour cast, blur, noise, low resolution, JPEG quality."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Photo:
    """How a finished picture is photographed.

    Args:
        curve: Output of every input level per channel, uint8, (1, 256, 3).
        is_grey: Whether colours are lost.
        blur: Kernel of focus and motion blur, (N, N), or None.
        grain: Strength of the sensor's noise, levels.
        shrink: Factor of the resolution, in (0, 1].
        quality: JPEG quality, 0 to 100.
    """

    curve: np.ndarray
    is_grey: bool
    blur: np.ndarray | None
    grain: float
    shrink: float
    quality: int

    @classmethod
    def sample(cls, rng: np.random.Generator) -> 'Photo':
        """Draw a camera; half of them are good."""
        level = np.arange(256) / 255
        gamma, gain = np.exp(rng.normal(0, 0.22)), np.exp(rng.normal(0, 0.16))
        cast = np.exp(rng.normal(0, 0.07, 3))
        offset = rng.normal(0, 10)
        curve = 255 * gain * level[:, None] ** gamma * cast + offset
        return cls(
            curve=np.clip(curve, 0, 255).astype(np.uint8)[None],
            is_grey=bool(rng.random() < 0.05),
            blur=_sample_blur(rng),
            grain=float(rng.gamma(1.2, 4.0)) * (rng.random() < 0.7),
            shrink=float(rng.uniform(0.35, 1.0)) if rng.random() < 0.3 else 1.0,
            quality=int(rng.integers(60, 96)),
        )

    def take(self, image: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Photograph a picture.

        Args:
            image: BGR uint8, (H, W, 3).
            noise: Noise of deviation 32 around 128, uint8, (H, W, 3).
        """
        height, width = image.shape[:2]
        if self.blur is not None:
            image = cv2.filter2D(image, -1, self.blur)
        if self.shrink < 1:
            small = (max(1, int(width * self.shrink)), max(1, int(height * self.shrink)))
            image = cv2.resize(
                cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height)
            )
        image = cv2.LUT(image, self.curve)
        if self.grain >= 1:
            share = self.grain / 32
            image = cv2.addWeighted(image, 1, noise, share, -128 * share)
        if self.is_grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return image


def _sample_blur(rng: np.random.Generator) -> np.ndarray | None:
    """Draw the kernel of a disc (focus) or a streak (motion), in a third of the cases."""
    kind = rng.random()
    if kind > 0.33:
        return None
    size = int(rng.choice((3, 5, 7), p=(0.6, 0.3, 0.1)))
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    if kind < 0.2:
        cv2.circle(kernel, (middle, middle), middle, 1.0, -1)
    else:
        angle = rng.uniform(0, np.pi)
        reach = np.array([np.cos(angle), np.sin(angle)]) * middle
        start, end = (np.rint(middle + s * reach).astype(int).tolist() for s in (-1, 1))
        cv2.line(kernel, start, end, 1.0, 1)
    return kernel / kernel.sum()
