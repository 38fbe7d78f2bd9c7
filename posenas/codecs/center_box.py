"""Boxes of people <-> a heatmap of their centres and the distances to their four sides."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posenas.geometry import keep_best_boxes
from posenas.utils import check_positive, check_shape

Floats = NDArray[np.floating]

#: Channels of the target, in this order: the heatmap and its weight in the loss; distances to the
#: left, top, right and bottom side, input pixels, and their weight in the loss.
TARGET_CHANNELS = 7
#: Side of a Gaussian's window divided by that of the box.
_WINDOW = 0.54


class CenterBox:
    """One Gaussian per person, as wide and high as the box asks for; boxes are read at its peaks.

    Distances are learnt all over the window of the Gaussian, so small offsets of the peak do not
    matter and few photos suffice. Where windows overlap, the smaller box counts.

    Source: Zhou et al., Objects as Points, 2019 (CenterNet); Liu et al., Training-Time-Friendly
    Network for Real-Time Object Detection, AAAI 2020, section 4.
    Differs from the papers: a person weighs the same in the loss of distances, whatever its size;
    boxes that overlap a better one are dropped, since a large person may have two peaks.

    Attributes:
        output_names: What networks make, one name for each array that :meth:`batch_decode` takes.

    Args:
        stride: Input pixels per heatmap pixel; the first heatmap pixel is the first pixel.
        max_people: Boxes that are read from a heatmap at most.
        nms_thr: Intersection over union above which the lesser of two boxes is dropped.
    """

    output_names: tuple[str, ...] = ('maps',)

    def __init__(self, stride: int = 4, max_people: int = 100, nms_thr: float = 0.6) -> None:
        check_positive('stride', stride)
        check_positive('max_people', max_people)
        self.stride = stride
        self.max_people = max_people
        self.nms_thr = nms_thr

    def encode(
        self, bboxes: Floats, is_ignored: NDArray[np.bool_], input_size: Sequence[int]
    ) -> NDArray[np.float32]:
        """Write the target of one image.

        Args:
            bboxes: Corners (N, 4), input pixels.
            is_ignored: Boxes within which neither people nor their absence count (N,): crowds.
            input_size: Width and height of the input, pixels.

        Returns:
            Maps (7, H, W), see :data:`TARGET_CHANNELS`.

        Raises:
            ValueError: Boxes have another shape, or the size is no multiple of the stride.
        """
        check_shape('bboxes', bboxes, (None, 4))
        width, height = (side // self.stride for side in input_size)
        if (width * self.stride, height * self.stride) != tuple(input_size):
            raise ValueError(
                f'input_size must be a multiple of the stride {self.stride}, got '
                f'{tuple(input_size)}'
            )
        maps = np.zeros((TARGET_CHANNELS, height, width), np.float32)
        maps[1] = 1
        scaled = np.asarray(bboxes, np.float64) / self.stride
        for x1, y1, x2, y2 in scaled[is_ignored]:
            maps[1, _span(y1, y2, height), _span(x1, x2, width)] = 0
        people = scaled[~is_ignored]
        areas = np.prod(people[:, 2:] - people[:, :2], axis=1)
        for box in people[np.argsort(-areas, kind='stable')]:
            self._draw(maps, box)
        return maps

    def _draw(self, maps: NDArray[np.float32], box: Floats) -> None:
        """Add one person, corners (4,) in heatmap pixels, to the target ``maps`` (7, H, W)."""
        height, width = maps.shape[1:]
        center = np.clip(np.rint((box[:2] + box[2:]) / 2), 0, (width - 1, height - 1)).astype(int)
        reach = ((box[2:] - box[:2]) * _WINDOW / 2).astype(int)  # (2,) whole heatmap pixels
        low = np.maximum(center - reach, 0)
        high = np.minimum(center + reach, (width - 1, height - 1)) + 1
        xs, ys = np.arange(low[0], high[0]), np.arange(low[1], high[1])
        sigmas = (2 * reach + 1) / 6
        across = np.exp(-((xs - center[0]) ** 2) / (2 * sigmas[0] ** 2))
        along = np.exp(-((ys - center[1]) ** 2) / (2 * sigmas[1] ** 2))
        gaussian = np.outer(along, across)
        window = np.s_[low[1] : high[1], low[0] : high[0]]
        maps[0][window] = np.maximum(maps[0][window], gaussian)
        maps[1][window] = 1
        maps[2][window], maps[4][window] = xs - box[0], box[2] - xs
        maps[3][window], maps[5][window] = (ys - box[1])[:, None], (box[3] - ys)[:, None]
        maps[2:6, window[0], window[1]] *= self.stride
        maps[6][window] = gaussian / gaussian.sum()

    def decode(
        self, maps: Floats, score_thr: float = 0.0
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Read the boxes of one image.

        Args:
            maps: Heatmap and distances (5, H, W), the latter in input pixels.
            score_thr: Least value of a peak.

        Returns:
            Corners (N, 4) in input pixels and scores (N,), best first.

        Raises:
            ValueError: The maps have another shape.
        """
        maps = np.asarray(maps, np.float32)
        check_shape('maps', maps, (5, None, None))
        heatmap = np.ascontiguousarray(np.where(np.isfinite(maps).all(axis=0), maps[0], 0))
        is_peak = (heatmap == cv2.dilate(heatmap, np.ones((3, 3)))) & (heatmap > score_thr)
        rows, columns = np.nonzero(is_peak)
        scores = heatmap[rows, columns]
        best = np.argsort(-scores, kind='stable')[: self.max_people]
        rows, columns, scores = rows[best], columns[best], scores[best]
        points = np.stack([columns, rows], axis=1).astype(np.float32) * self.stride
        distances = maps[1:, rows, columns].T  # (N, 4)
        boxes = np.concatenate([points - distances[:, :2], points + distances[:, 2:]], axis=1)
        kept = keep_best_boxes(boxes, self.nms_thr)
        return boxes[kept], scores[kept]

    def batch_decode(self, maps: Floats) -> tuple[Floats, Floats]:
        """Return the box of every heatmap pixel of B images, as maps are compared.

        Args:
            maps: Heatmaps and distances (B, 5, H, W).

        Returns:
            Upper left and lower right corners (B, 2 * H * W, 2) in input pixels, and scores
            (B, H * W).
        """
        maps = np.asarray(maps, np.float32)
        check_shape('maps', maps, (None, 5, None, None))
        rows, columns = np.indices(maps.shape[2:], np.float32)
        points = np.stack([columns, rows]) * self.stride  # (2, H, W)
        corners = np.stack([points - maps[:, 1:3], points + maps[:, 3:]], axis=1)
        corners = corners.transpose(0, 1, 3, 4, 2).reshape(len(maps), -1, 2)
        return corners, maps[:, 0].reshape(len(maps), -1)


def _span(low: float, high: float, limit: int) -> slice:
    """Return the heatmap pixels between two sides, within ``limit`` of them."""
    return slice(max(int(np.floor(low)), 0), max(min(int(np.ceil(high)) + 1, limit), 0))
