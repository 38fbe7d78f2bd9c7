"""Heatmaps drawn and decoded by a Gaussian blur, with 255 at the keypoint."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posenas.codecs.base import KeypointCodec, check_kernel_size
from posenas.codecs.gaussian import draw_impulses
from posenas.codecs.refine import blur_keeping_maxima, find_maxima, refine_quarter


class MegviiHeatmap(KeypointCodec):
    """One blurred impulse per keypoint; decoded by the maximum of the blurred heatmap.

    Source: Chen et al., Cascaded Pyramid Network for Multi-Person Pose Estimation, CVPR 2018, as
    its authors' later MSPN and RSN use it. Scores are maximum / 255 + 0.5.

    Args:
        input_size: Width and height of the crop, pixels.
        heatmap_size: Width and height of the heatmaps, heatmap pixels.
        kernel_size: Odd width of the blur in both directions, heatmap pixels.
        generation: See :class:`KeypointCodec`; '1.x' and '0.x' agree here.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        heatmap_size: Sequence[int],
        kernel_size: int,
        generation: str = '1.x',
    ) -> None:
        super().__init__(input_size, heatmap_size, generation)
        check_kernel_size('kernel_size', kernel_size)
        self.kernel_size = kernel_size

    def draw_targets(
        self, pixels: NDArray[np.float64], labelled: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Draw blurred impulses; see :meth:`KeypointCodec.draw_targets`."""
        impulses = np.trunc(pixels)
        drawn = labelled & ((impulses >= 0) & (impulses < self.heatmap_size)).all(axis=1)
        impulses = np.where(drawn[:, None], impulses, 0).astype(np.int64)
        maps = draw_impulses(impulses, self.heatmap_size, self.kernel_size, peak=255)
        maps[~drawn] = 0
        return maps, drawn

    def locate(self, maps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Find and refine maxima; see :meth:`KeypointCodec.locate`."""
        blurred = blur_keeping_maxima(maps[:, 0], self.kernel_size)
        pixels, maxima = find_maxima(blurred)
        refined, free = refine_quarter(blurred, pixels, '0.x')
        scores = maxima / np.float32(255) + np.float32(0.5)
        return refined + np.where(free, 0.5, 0.0), scores
