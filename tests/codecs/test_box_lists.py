"""Boxes as other projects write them."""

import numpy as np
import pytest

from posenas.codecs import ListedBoxes, YOLOXBoxes

SIZE = (96, 64)
#: Cells of grids of stride 8, 16 and 32: 12 x 8, 6 x 4, 3 x 2.
NUM_ROWS = 96 + 24 + 6
#: First row, stride and columns of each.
GRIDS = ((120, 32, 3), (96, 16, 6), (0, 8, 12))


def write_rows(boxes, in_pixels, num_classes=3):
    """Write boxes, (row, corners, object, classes) each, as YOLOX does."""
    rows = np.zeros((NUM_ROWS, 5 + num_classes), np.float32)
    rows[:, 2:4] = 8 if in_pixels else 0
    for row, (x1, y1, x2, y2), thing, classes in boxes:
        begin, stride, columns = next(
            g for g in ((120, 32, 3), (96, 16, 6), (0, 8, 12)) if row >= g[0]
        )
        cell = np.array([(row - begin) % columns, (row - begin) // columns])
        center, size = np.array([x1 + x2, y1 + y2]) / 2, np.array([x2 - x1, y2 - y1])
        if not in_pixels:
            center, size = center / stride - cell, np.log(size / stride)
        rows[row] = [*center, *size, thing, *classes]
    return rows


@pytest.mark.parametrize('in_pixels', [False, True])
def test_rows_of_three_grids_become_boxes_of_people(in_pixels):
    boxes = [
        (17, (10, 4, 50, 60), 0.9, (0.5, 0.1, 0.1)),
        (100, (60, 8, 90, 40), 0.8, (0.9, 0.2, 0)),
        (121, (12, 4, 50, 60), 0.5, (0.5, 0, 0)),  # again the first person
        (122, (0, 0, 30, 30), 1, (0.2, 0.9, 0)),  # no person
        (3, (2, 2, 9, 9), 0.2, (0.5, 0, 0)),
    ]
    found, scores = YOLOXBoxes(SIZE).decode(write_rows(boxes, in_pixels), score_thr=0.15)
    np.testing.assert_allclose(found, [[60, 8, 90, 40], [10, 4, 50, 60]], rtol=1e-5)
    np.testing.assert_allclose(scores, [0.72, 0.45], rtol=1e-6)
    assert len(YOLOXBoxes(SIZE).decode(write_rows(boxes, in_pixels), score_thr=0.05)[0]) == 3
    assert len(YOLOXBoxes(SIZE, person=1).decode(write_rows(boxes, in_pixels), 0.15)[0]) == 1


def test_rows_that_are_not_those_of_the_grids_are_refused():
    with pytest.raises(ValueError, match='rows must have shape'):
        YOLOXBoxes((64, 64)).decode(np.zeros((NUM_ROWS, 6)))
    with pytest.raises(ValueError, match='must have more than 7 columns, got 6'):
        YOLOXBoxes(SIZE, person=2).decode(np.zeros((NUM_ROWS, 6)))
    broken = np.full((NUM_ROWS, 6), np.nan, np.float32)
    assert len(YOLOXBoxes(SIZE).decode(broken)[0]) == 0


def test_listed_boxes_are_those_of_people_best_first():
    dets = np.float32([[0, 0, 9, 9, 0.4], [1, 1, 8, 8, 0.9], [2, 2, 7, 7, 0.8], [3, 3, 6, 6, 0.1]])
    found, scores = ListedBoxes().decode(dets, np.array([0, 0, 2, 0]), score_thr=0.2)
    np.testing.assert_array_equal(found, [[1, 1, 8, 8], [0, 0, 9, 9]])
    np.testing.assert_array_equal(scores, np.float32([0.9, 0.4]))
