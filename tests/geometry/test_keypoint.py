import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posenas.geometry import convert_keypoints, flip_bbox, flip_keypoints
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


def test_joints_of_another_skeleton_are_moved_joined_or_absent():
    keypoints = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    visible = np.array([[1, 2, 0], [2, 1, 1]], np.float32)
    moved, levels = convert_keypoints(keypoints, visible, 4, [(2, 0), ((0, 1), 3)])
    np.testing.assert_array_equal(moved[0], [[4, 5], [0, 0], [0, 0], [1, 2]])
    np.testing.assert_array_equal(levels, [[0, 0, 0, 1], [1, 0, 0, 1]])
    assert moved.dtype == levels.dtype == np.float32


@pytest.mark.parametrize('shape', [(), (2,), (2, 5)])
def test_any_number_of_people_and_frames_moves_to_another_skeleton(shape):
    rng = np.random.default_rng(0)
    keypoints, visible = rng.random((*shape, 3, 2)), rng.random((*shape, 3))
    moved, levels = convert_keypoints(keypoints, visible, 4, [(2, 0), ((0, 1), 3)])
    assert (moved.shape, levels.shape) == ((*shape, 4, 2), (*shape, 4))
    for index in np.ndindex(shape):
        alone = convert_keypoints(keypoints[index], visible[index], 4, [(2, 0), ((0, 1), 3)])
        np.testing.assert_array_equal(moved[index], alone[0])
        np.testing.assert_array_equal(levels[index], alone[1])


@pytest.mark.parametrize(
    ('mapping', 'message'),
    [
        ([(3, 0)], r'sources .* got \[3, 3\]'),
        ([((0, -1), 0)], 'sources'),
        ([(0, 4)], 'tar'),
    ],
)
def test_joints_that_do_not_exist_are_refused(mapping, message):
    with pytest.raises(ValueError, match=message):
        convert_keypoints(np.zeros((3, 2)), np.ones(3), 4, mapping)
