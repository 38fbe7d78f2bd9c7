"""Boxes as detectors of other projects write them: rows of numbers instead of maps."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posenas.geometry import keep_best_boxes
from posenas.utils import check_probability, check_shape

Floats = NDArray[np.floating]
Boxes = tuple[NDArray[np.float32], NDArray[np.float32]]

#: Sizes in input pixels of a grid's cells.
_STRIDES = (8, 16, 32)
#: Raw widths and heights are logarithms; no image is e ** 16 pixels wide.
_LARGEST_LOGARITHM = 16
#: Best rows that are looked at.
_MOST_ROWS = 1000


class ListedBoxes:
    """Boxes that the network itself has chosen, as MMDeploy exports detectors.

    Attributes:
        output_names: What networks make: corners and score (B, N, 5), and class (B, N).

    Args:
        person: Number of the class of people.
    """

    output_names: tuple[str, ...] = ('dets', 'labels')

    def __init__(self, person: int = 0) -> None:
        self.person = person

    def decode(self, dets: Floats, labels: NDArray[np.generic], score_thr: float = 0.0) -> Boxes:
        """Read the boxes of one image.

        Args:
            dets: Corners in input pixels and score (N, 5).
            labels: Class of each (N,).
            score_thr: Least score.

        Returns:
            Corners (N, 4) in input pixels and scores (N,), best first.

        Raises:
            ValueError: An array has another shape.
        """
        check_shape('dets', dets, (None, 5))
        check_shape('labels', labels, (len(dets),))
        is_found = (labels == self.person) & (dets[:, 4] >= score_thr) & np.isfinite(dets).all(1)
        found = np.asarray(dets[is_found], np.float32)
        found = found[np.argsort(-found[:, 4], kind='stable')]
        return found[:, :4], found[:, 4]


class YOLOXBoxes:
    """One row for each cell of three grids: centre, size, whether it is an object, and of what.

    Centre and size may be in cells (the export of YOLOX as it comes) or in input pixels
    (``--decode_in_inference``): sizes in cells are logarithms, which tells.

    Source: Ge et al., YOLOX: Exceeding YOLO Series in 2021.

    Attributes:
        output_names: What networks make: rows (B, N, 5 + classes).

    Args:
        input_size: Width and height of the input, pixels.
        person: Number of the class of people.
        nms_thr: Intersection over union above which the lesser of two boxes is dropped.
    """

    output_names: tuple[str, ...] = ('output',)

    def __init__(self, input_size: Sequence[int], person: int = 0, nms_thr: float = 0.45) -> None:
        check_probability('nms_thr', nms_thr)
        self.person = person
        self.nms_thr = nms_thr
        cells, strides = [], []
        for stride in _STRIDES:
            columns, rows = np.meshgrid(*(np.arange(side // stride) for side in input_size))
            cells.append(np.stack([columns, rows], axis=-1).reshape(-1, 2))
            strides.append(np.full(columns.size, stride))
        self._cells = np.concatenate(cells).astype(np.float32)  # (N, 2)
        self._strides = np.concatenate(strides).astype(np.float32)[:, None]  # (N, 1)

    def decode(self, rows: Floats, score_thr: float = 0.0) -> Boxes:
        """Read the boxes of one image.

        Args:
            rows: (N, 5 + classes).
            score_thr: Least score: that of an object times that of its class.

        Returns:
            Corners (N, 4) in input pixels and scores (N,), best first.

        Raises:
            ValueError: The rows are not those of the grids, or lack the class of people.
        """
        rows = np.asarray(rows, np.float32)
        check_shape('rows', rows, (len(self._cells), None))
        if rows.shape[1] <= 5 + self.person:
            raise ValueError(
                f'rows must have more than {5 + self.person} columns, got {rows.shape[1]}'
            )
        rows = np.where(np.isfinite(rows), rows, 0)
        centers, sizes = rows[:, :2], rows[:, 2:4]
        if sizes.max(initial=0) < _LARGEST_LOGARITHM:
            centers = (centers + self._cells) * self._strides
            sizes = np.exp(sizes) * self._strides
        scores = rows[:, 4] * rows[:, 5 + self.person]
        is_best = rows[:, 5:].argmax(axis=1) == self.person
        found = np.flatnonzero(is_best & (scores > 0) & (scores >= score_thr))
        found = found[np.argsort(-scores[found], kind='stable')][:_MOST_ROWS]
        corners = np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1)[found]
        kept = keep_best_boxes(corners, self.nms_thr)
        return corners[kept].astype(np.float32), scores[found][kept].astype(np.float32)
