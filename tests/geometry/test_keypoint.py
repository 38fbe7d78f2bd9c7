import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posenas.geometry import flip_bbox, flip_keypoints
from posenas.skeletons import COCO


@given(hnp.arrays(np.float64, (2, 17, 2), elements=st.floats(-500, 500)), st.integers(1, 2000))
def test_flip_twice_is_the_identity(keypoints, width):
    once = flip_keypoints(keypoints, width, COCO.flip_indices)
    twice = flip_keypoints(once, width, COCO.flip_indices)
    np.testing.assert_allclose(twice, keypoints, atol=1e-9)


@given(hnp.arrays(np.float64, (3, 4), elements=st.floats(-500, 500)), st.integers(1, 2000))
def test_box_flip_twice_is_the_identity(boxes, width):
    np.testing.assert_allclose(flip_bbox(flip_bbox(boxes, width), width), boxes, atol=1e-9)


def test_flip_mirrors_pixels_and_exchanges_sides():
    keypoints = np.array([[0.0, 5.0], [3.0, 6.0], [9.0, 7.0]])
    flipped = flip_keypoints(keypoints, 10, [0, 2, 1])
    np.testing.assert_array_equal(flipped, [[9, 5], [0, 7], [6, 6]])
    np.testing.assert_array_equal(keypoints[1], [3, 6])


def test_box_flip_keeps_corners_in_order():
    np.testing.assert_array_equal(flip_bbox(np.array([[1.0, 2, 4, 8]]), 10), [[5, 2, 8, 8]])
