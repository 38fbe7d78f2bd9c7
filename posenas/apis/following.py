"""Who is who in the frames of a video whose boxes nobody has named."""

import numpy as np
from numpy.typing import NDArray

from posenas.geometry import bbox_iou, match_boxes


class BoxFollower:
    """Give boxes the identity of those of the frame before that they overlap most.

    Args:
        min_overlap: Intersection over union from which two boxes may be the same person.
    """

    def __init__(self, min_overlap: float = 0.3) -> None:
        self.min_overlap = min_overlap
        self._source: object = None
        self._boxes: NDArray[np.floating] = np.zeros((0, 4))
        self._ids: list[int] = []
        self._next = 0

    def follow(self, source: object, boxes: NDArray[np.floating]) -> list[int]:
        """Return the identity of each of the boxes (N, 4) of the next frame of ``source``."""
        if source is not self._source:
            self._source, self._boxes, self._ids = source, np.zeros((0, 4)), []
        ids = [-1] * len(boxes)
        overlaps = bbox_iou(np.asarray(boxes, np.float64), self._boxes)
        for row, column in match_boxes(overlaps, self.min_overlap):
            ids[row] = self._ids[column]
        for row, known in enumerate(ids):
            if known < 0:
                ids[row], self._next = self._next, self._next + 1
        self._boxes, self._ids = np.asarray(boxes, np.float64), ids
        return ids
