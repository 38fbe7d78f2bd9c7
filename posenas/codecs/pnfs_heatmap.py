"""Heatmaps as Pose Neural Fabrics Search draws and decodes them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posenas.codecs.base import KeypointCodec
from posenas.codecs.gaussian import draw_spread_impulses
from posenas.codecs.refine import find_maxima, refine_quarter
from posenas.utils import check_positive


class PNFSHeatmap(KeypointCodec):
    """One impulse per keypoint, spread by a Gaussian filter; decoded half a pixel further.

    Source: Yang et al., Pose Neural Fabrics Search, 2019, and its published code. A keypoint
    counts if it lies inside the crop; a heatmap without positive value decodes as heatmap pixel (0,
    0). Near a border the filter repeats the border, which widens the peak.

    Args:
        input_size: Width and height of the crop, pixels.
        heatmap_size: Width and height of the heatmaps, heatmap pixels.
        sigma: Standard deviation of the filter, heatmap pixels.
        legacy_truncation: Whether coordinates lose their fraction first, as the published code
            did to COCO's integers; see :class:`posenas.datasets.transforms.PNFSTopdownAffine`.
    """

    def __init__(
        self,
        input_size: Sequence[int],
        heatmap_size: Sequence[int],
        sigma: float = 2.0,
        legacy_truncation: bool = False,
    ) -> None:
        super().__init__(input_size, heatmap_size, 'hrnet')
        check_positive('sigma', sigma)
        self.sigma = float(sigma)
        self.legacy_truncation = legacy_truncation

    def draw_targets(
        self, pixels: NDArray[np.float64], labelled: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Draw spread impulses; see :meth:`KeypointCodec.draw_targets`."""
        points = pixels * self.stride
        inside = ((points >= 0) & (points + 1 <= self.input_size)).all(axis=1)
        if self.legacy_truncation:
            pixels = np.trunc(points) / self.stride
        impulses = np.minimum(np.trunc(pixels + 0.5), np.array(self.heatmap_size) - 1)
        drawn = labelled & inside
        impulses = np.where(drawn[:, None], impulses, 0).astype(np.int64)
        maps = draw_spread_impulses(impulses, self.heatmap_size, self.sigma)
        maps[~drawn] = 0
        return maps, drawn

    def locate(self, maps: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Find maxima and move them; see :meth:`KeypointCodec.locate`."""
        pixels, scores = find_maxima(maps[:, 0])
        refined = refine_quarter(maps[:, 0], np.maximum(pixels, 0), self.generation)[0]
        return refined + 0.5 / self.stride, scores
