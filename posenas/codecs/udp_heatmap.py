"""Unbiased data processing: pixel centres of crop and heatmap span the same length."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posenas.codecs.base import KeypointCodec, check_kernel_size
from posenas.codecs.gaussian import (
    blur_maps,
    draw_disc_offsets,
    draw_gaussians,
    overlaps_map,
    window_around,
)
from posenas.codecs.refine import find_maxima, refine_udp_dark, take_windows
from posenas.utils import check_choice, check_positive


class UDPHeatmap(KeypointCodec):
    """Gaussians at the exact point, or a disc with heatmaps of the offset to the point.

    Source: Huang et al., The Devil Is in the Details: Delving Into Unbiased Data Processing for
    Human Pose Estimation, CVPR 2020.

    The last pixel of a heatmap is the last pixel of the crop, so the stride is (input - 1) /
    (heatmap - 1).
    Differs from the published code: keypoints are decoded to pixels of the crop, not to input /
    (input - 1) times as many; the inverse of the crop's matrix makes the same image pixels of them.

    Args:
        input_size: Width and height of the crop, pixels, at least 2.
        heatmap_size: Width and height of the heatmaps, heatmap pixels, at least 2.
        heatmap_type: 'gaussian': one heatmap per keypoint; 'combined': three, [class, x offset,
            y offset] of each keypoint in turn.
        sigma: Standard deviation of the Gaussians, heatmap pixels.
        radius_factor: Radius of the disc, as a fraction of the longer side of the heatmaps.
        blur_kernel_size: Odd width of the blur before decoding, heatmap pixels.
        generation: See :class:`KeypointCodec`; '1.x' and '0.x' differ in the offsets
            outside the disc and in the blur.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        heatmap_size: Sequence[int],
        heatmap_type: str = 'gaussian',
        sigma: float = 2.0,
        radius_factor: float = 0.0546875,
        blur_kernel_size: int = 11,
        generation: str = '1.x',
    ) -> None:
        check_choice('heatmap_type', heatmap_type, ('gaussian', 'combined'))
        channels = 3 if heatmap_type == 'combined' else 1
        super().__init__(input_size, heatmap_size, generation, channels)
        if min(*self.input_size, *self.heatmap_size) < 2:
            raise ValueError(
                f'input_size and heatmap_size must be at least 2 along both axes, '
                f'got {self.input_size} and {self.heatmap_size}'
            )
        check_positive('sigma', sigma)
        check_positive('radius_factor', radius_factor)
        check_kernel_size('blur_kernel_size', blur_kernel_size)
        self.heatmap_type = heatmap_type
        self.sigma = float(sigma)
        self.radius = radius_factor * max(self.heatmap_size)
        self.blur_kernel_size = blur_kernel_size
        self.stride = np.subtract(self.input_size, 1) / np.subtract(self.heatmap_size, 1)

    def draw_targets(
        self, pixels: NDArray[np.float64], labelled: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Draw Gaussians or discs; see :meth:`KeypointCodec.draw_targets`.

        A disc's keypoint keeps its weight wherever it lies.
        """
        width, height = self.heatmap_size
        if self.heatmap_type == 'combined':
            inside_only = self.generation != '1.x'
            groups = draw_disc_offsets(pixels, self.heatmap_size, self.radius, inside_only)
            groups[~labelled] = 0
            return groups.reshape(-1, height, width), labelled
        window = window_around(np.trunc(pixels + 0.5), self.sigma)
        drawn = labelled & overlaps_map(*window, self.heatmap_size)
        maps = draw_gaussians(pixels, self.heatmap_size, self.sigma, window)
        maps[~drawn] = 0
        return maps, drawn

    def locate(self, maps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Find and refine maxima; see :meth:`KeypointCodec.locate`."""
        if self.heatmap_type == 'gaussian':
            pixels, scores = find_maxima(maps[:, 0])
            refined = refine_udp_dark(maps[:, 0], pixels, self.blur_kernel_size, self.generation)
            return refined, scores
        pixels, scores = find_maxima(
            blur_maps(maps[:, 0], 2 * self.blur_kernel_size + 1, 'reflect')
        )
        offsets = maps[:, 1:]
        if self.generation != '1.x':
            offsets = blur_maps(offsets, self.blur_kernel_size, 'reflect')
        steps = np.stack(
            [take_windows(offsets[:, axis], pixels, radius=0)[:, 0, 0] for axis in range(2)], axis=1
        )
        steps[pixels < 0] = 0  # a heatmap without maximum has no offset
        return pixels + self.radius * steps, scores
