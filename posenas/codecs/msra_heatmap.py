"""Gaussian heatmaps around the nearest heatmap pixel, or around the exact point (DARK)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posenas.codecs.base import KeypointCodec, check_kernel_size
from posenas.codecs.gaussian import draw_gaussians, overlaps_map, window_around
from posenas.codecs.refine import find_maxima, refine_dark, refine_quarter
from posenas.utils import check_choice, check_positive


class MSRAHeatmap(KeypointCodec):
    """One Gaussian per keypoint; decoded by its maximum and an offset of less than a heatmap pixel.

    Source: Xiao et al., Simple Baselines for Human Pose Estimation and Tracking, ECCV 2018; with
    ``unbiased`` Zhang et al., Distribution-Aware Coordinate Representation for Human Pose
    Estimation, CVPR 2020.

    Args:
        input_size: Width and height of the crop, pixels.
        heatmap_size: Width and height of the heatmaps, heatmap pixels.
        sigma: Standard deviation of the Gaussians, heatmap pixels.
        unbiased: Whether Gaussians stand at the exact point instead of the nearest heatmap pixel
            and are decoded by DARK instead of a quarter of a heatmap pixel.
        blur_kernel_size: Odd width of DARK's blur, heatmap pixels.
        generation: See :class:`KeypointCodec`; '1.x' and '0.x' decode a quarter offset near the
            border differently.
        refine: How maxima are refined: by a 'quarter' of a heatmap pixel towards the higher
            neighbour, 'dark', None not at all, or 'auto': as ``unbiased`` asks for.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        heatmap_size: Sequence[int],
        sigma: float = 2.0,
        unbiased: bool = False,
        blur_kernel_size: int = 11,
        generation: str = '1.x',
        refine: str | None = 'auto',
    ) -> None:
        super().__init__(input_size, heatmap_size, generation)
        check_positive('sigma', sigma)
        check_kernel_size('blur_kernel_size', blur_kernel_size)
        self.sigma = float(sigma)
        self.unbiased = unbiased
        self.blur_kernel_size = blur_kernel_size
        if refine is not None:
            check_choice('refine', refine, ('auto', 'quarter', 'dark'))
        self.refine = ('dark' if unbiased else 'quarter') if refine == 'auto' else refine

    def draw_targets(
        self, pixels: NDArray[np.float64], labelled: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Draw Gaussians; see :meth:`KeypointCodec.draw_targets`."""
        if self.unbiased:
            reach = 3 * self.sigma
            drawn = labelled & overlaps_map(pixels - reach, pixels + reach + 1, self.heatmap_size)
            maps = draw_gaussians(pixels, self.heatmap_size, self.sigma)
        else:
            centers = np.trunc(pixels + 0.5)
            window = window_around(centers, self.sigma)
            drawn = labelled & overlaps_map(*window, self.heatmap_size)
            maps = draw_gaussians(centers, self.heatmap_size, self.sigma, window)
        maps[~drawn] = 0
        return maps, drawn

    def locate(self, maps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Find and refine maxima; see :meth:`KeypointCodec.locate`."""
        pixels, scores = find_maxima(maps[:, 0])
        if self.refine == 'dark':
            return refine_dark(maps[:, 0], pixels, self.blur_kernel_size), scores
        if self.refine == 'quarter':
            return refine_quarter(maps[:, 0], pixels, self.generation)[0], scores
        return pixels.astype(np.float64), scores
