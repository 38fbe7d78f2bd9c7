import numpy as np
import pytest

from posenas.datasets.transforms import KeypointConverter


@pytest.fixture
def three():
    return dict(
        keypoints=np.array([[[1, 2], [3, 4], [5, 6]]], np.float32),
        keypoints_visible=np.array([[1, 1, 0]], np.float32),
    )


def test_joints_are_rearranged_and_missing_ones_invisible(three):
    results = KeypointConverter(num_keypoints=4, mapping=[(0, 3), (1, 0)])(three)
    assert results['keypoints'].tolist() == [[[3, 4], [0, 0], [0, 0], [1, 2]]]
    assert results['keypoints_visible'].tolist() == [[1, 0, 0, 1]]


def test_a_pair_gives_its_middle_visible_where_both_are(three):
    results = KeypointConverter(num_keypoints=2, mapping=[((0, 1), 0), ((1, 2), 1)])(three)
    assert results['keypoints'].tolist() == [[[2, 3], [4, 5]]]
    assert results['keypoints_visible'].tolist() == [[1, 0]]
    assert results['keypoints'].dtype == np.float32


def test_targets_must_exist():
    with pytest.raises(ValueError, match=r'\[0, 2\)'):
        KeypointConverter(num_keypoints=2, mapping=[(0, 2)])
