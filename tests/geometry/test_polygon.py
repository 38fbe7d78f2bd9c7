"""Points inside polygons, against OpenCV and by hand."""

import cv2
import numpy as np
import pytest

from posenas.geometry import points_in_polygon

SQUARE = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])


@pytest.mark.parametrize('order', [1, -1])
@pytest.mark.parametrize(
    ('point', 'inside'),
    [
        ((1, 1), True),
        ((3.999, 2), True),
        ((5, 2), False),
        ((-1, 4), False),
        ((4, 2), False),
        ((2, 0), False),
        ((0, 0), False),
        ((4, 4), False),
    ],
)
def test_the_border_of_a_square_is_outside(point, inside, order):
    assert points_in_polygon(np.array(point), SQUARE[::order]) == inside


@pytest.mark.parametrize('num_corners', range(3))
def test_fewer_than_three_corners_surround_nothing(num_corners):
    points = np.array([[2.0, 2], [0, 0], [2, 0]])
    assert not points_in_polygon(points, SQUARE[:num_corners]).any()


def test_any_polygon_agrees_with_opencv():
    rng = np.random.default_rng(0)
    for num_corners in (3, 4, 7, 30):
        # A coarse grid: many points lie on corners, borders and at the height of corners.
        polygon = rng.integers(0, 12, (num_corners, 2))
        points = rng.integers(-1, 13, (300, 2)).astype(float)
        contour = polygon.astype(np.float32)
        expected = [cv2.pointPolygonTest(contour, tuple(point), False) > 0 for point in points]
        assert points_in_polygon(points, polygon).tolist() == expected
