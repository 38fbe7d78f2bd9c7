"""Boxes of people <-> a heatmap of their centres and the distances to their four sides."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from posenas.geometry import bbox_iou, keep_best_boxes
from posenas.utils import check_positive, check_shape

Floats = NDArray[np.floating]

#: Channels of the target, in this order: the heatmap and its weight in the loss; distances to the
#: left, top, right and bottom side, input pixels, and their weight in the loss.
TARGET_CHANNELS = 7
#: Side of a Gaussian's window divided by that of the box.
_WINDOW = 0.54
#: Boxes of a peak and of a pixel beside it are of one person if they overlap more.
_SAME_PERSON = 0.5
#: Smaller boxes, by the square root of the area in input pixels, are not taken from a copy of the
#: image of half the size: the image itself shows such people better.
_LEAST_SIDE_IN_HALF = 64.0


class CenterBox:
    """One Gaussian per person, as wide and high as the box asks for; boxes are read at its peaks.

    Distances are learnt all over the window of the Gaussian, so small offsets of the peak do not
    matter and few photos suffice. Where windows overlap, the smaller box counts. The box of a peak
    is averaged with those of the pixels beside it.

    Source: Zhou et al., Objects as Points, 2019 (CenterNet); Liu et al., Training-Time-Friendly
    Network for Real-Time Object Detection, AAAI 2020, section 4; Gidaris and Komodakis, Object
    Detection via a Multi-Region and Semantic Segmentation-Aware CNN Model, ICCV 2015 (voting).
    Differs from the papers: a person weighs the same in the loss of distances, whatever its size;
    boxes that overlap a better one are dropped, since a large person may have two peaks.

    Attributes:
        output_names: What networks make, one name for each array that :meth:`batch_decode` takes.

    Args:
        stride: Input pixels per heatmap pixel; the first heatmap pixel is the first pixel.
        max_people: Boxes that are read of an image at most.
        nms_thr: Intersection over union above which the lesser of two boxes is dropped.
        with_half: Whether networks also search a copy of the image of half the size, in which
            people who are too large for their receptive field are found.
    """

    def __init__(
        self,
        stride: int = 4,
        max_people: int = 100,
        nms_thr: float = 0.6,
        with_half: bool = False,
    ) -> None:
        check_positive('stride', stride)
        check_positive('max_people', max_people)
        self.stride = stride
        self.max_people = max_people
        self.nms_thr = nms_thr
        self.with_half = with_half
        self.output_names: tuple[str, ...] = ('maps', 'half_maps') if with_half else ('maps',)

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
        self, maps: Floats, half_maps: Floats | None = None, score_thr: float = 0.0
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Read the boxes of one image.

        Args:
            maps: Heatmap and distances (5, H, W), the latter in input pixels.
            half_maps: The same of the copy of half the size, in its pixels (5, h, w), or None.
            score_thr: Least value of a peak.

        Returns:
            Corners (N, 4) in input pixels and scores (N,), best first.

        Raises:
            ValueError: The maps have another shape.
        """
        boxes, scores = self._read(maps, score_thr)
        if half_maps is not None:
            halves, half_scores = self._read(half_maps, score_thr)
            halves = _double(halves)
            sides = np.sqrt(np.prod(halves[:, 2:] - halves[:, :2], axis=1))
            is_large = sides >= _LEAST_SIDE_IN_HALF
            boxes = np.concatenate([boxes, halves[is_large]])
            scores = np.concatenate([scores, half_scores[is_large]])
        best = np.argsort(-scores, kind='stable')[: self.max_people]
        boxes, scores = boxes[best], scores[best]
        kept = keep_best_boxes(boxes, self.nms_thr)
        return boxes[kept], scores[kept]

    def _read(
        self, maps: Floats, score_thr: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return corners (N, 4) and score (N,) of each peak of maps (5, H, W)."""
        maps = np.asarray(maps, np.float32)
        check_shape('maps', maps, (5, None, None))
        maps = np.where(np.isfinite(maps).all(axis=0), maps, 0)
        heatmap = np.ascontiguousarray(maps[0])
        is_peak = (heatmap == cv2.dilate(heatmap, np.ones((3, 3)))) & (heatmap > score_thr)
        rows, columns = np.nonzero(is_peak)
        corners = self._place(maps[None])[0]
        boxes = [_vote(corners, heatmap, *peak) for peak in zip(rows, columns, strict=True)]
        return np.array(boxes, np.float32).reshape(-1, 4), heatmap[rows, columns]

    def _place(self, maps: Floats) -> NDArray[np.float32]:
        """Return the corners (B, H, W, 4) of the box of every heatmap pixel of (B, 5, H, W)."""
        rows, columns = np.indices(maps.shape[2:], np.float32)
        points = np.stack([columns, rows]) * self.stride  # (2, H, W)
        corners = np.concatenate([points - maps[:, 1:3], points + maps[:, 3:]], axis=1)
        return np.moveaxis(corners, 1, -1)

    def batch_decode(self, maps: Floats, half_maps: Floats | None = None) -> tuple[Floats, Floats]:
        """Return the box of every heatmap pixel of B images, as maps are compared.

        Args:
            maps: Heatmaps and distances (B, 5, H, W).
            half_maps: The same of the copies of half the size (B, 5, h, w), or None.

        Returns:
            Upper left and lower right corners in input pixels and scores of P heatmap pixels,
            (B, 2 * P, 2) and (B, P).
        """
        maps = np.asarray(maps, np.float32)
        check_shape('maps', maps, (None, 5, None, None))
        corners = [self._place(maps).reshape(len(maps), -1, 2)]
        scores = [maps[:, 0].reshape(len(maps), -1)]
        if half_maps is not None:
            halves, half_scores = self.batch_decode(half_maps)
            corners, scores = [*corners, _double(halves)], [*scores, half_scores]
        return np.concatenate(corners, axis=1), np.concatenate(scores, axis=1)


def _double(points: Floats) -> Floats:
    """Carry points of a copy of half the size, each pixel of which covers two, to the image."""
    return 2 * points + 0.5


def _vote(
    corners: NDArray[np.float32], heatmap: NDArray[np.float32], row: int, column: int
) -> NDArray[np.float32]:
    """Average the box (4,) of a peak with those of the pixels beside it, by their scores."""
    window = np.s_[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    own, near = corners[row, column], corners[window].reshape(-1, 4)
    weights = heatmap[window].ravel() * (bbox_iou(own[None], near)[0] > _SAME_PERSON)
    total = weights.sum()
    return weights @ near / total if total > 0 else own


def _span(low: float, high: float, limit: int) -> slice:
    """Return the heatmap pixels between two sides, within ``limit`` of them."""
    return slice(max(int(np.floor(low)), 0), max(min(int(np.ceil(high)) + 1, limit), 0))
