import numpy as np
import pytest

from posenas.evaluation.functional import (
    bbox_size,
    joint_accuracies,
    mean_accuracy,
    mean_pose,
    normalised_distances,
    place_pose,
    segment_size,
)

#: Two people of three keypoints; the second's last keypoint is not labelled.
KEYPOINTS = np.array([[[0, 0], [10, 0], [0, 20]], [[5, 5], [5, 15], [9, 9]]], float)
LABELLED = np.array([[True, True, True], [True, True, False]])
SIZES = np.array([20.0, 10.0])


def distances_of(offset):
    return normalised_distances(KEYPOINTS + np.array(offset, float), KEYPOINTS, LABELLED, SIZES)


def test_distances_are_relative_to_the_person_and_nan_where_not_labelled():
    np.testing.assert_allclose(
        distances_of([3, 4]), [[0.25, 0.25, 0.25], [0.5, 0.5, np.nan]], equal_nan=True
    )


@pytest.mark.parametrize(('threshold', 'expected'), [(0.2, 0), (0.25, 2 / 3), (0.5, 1)])
def test_accuracy_is_the_mean_over_joint_types_with_the_threshold_included(threshold, expected):
    assert mean_accuracy(distances_of([3, 4]), threshold) == pytest.approx(expected)


def test_joint_without_labels_is_nan_and_left_out_of_the_mean():
    distances = distances_of([0, 0])
    distances[:, 2] = np.nan
    assert np.isnan(joint_accuracies(distances, 0.1)[2])
    assert mean_accuracy(distances, 0.1) == 1
    assert np.isnan(mean_accuracy(np.full((2, 3), np.nan), 0.1))


def test_predicted_nan_is_a_miss():
    predictions = KEYPOINTS.copy()
    predictions[0, 0] = np.nan
    distances = normalised_distances(predictions, KEYPOINTS, LABELLED, SIZES)
    assert joint_accuracies(distances, 1).tolist() == [0.5, 1, 1]


def test_person_without_size_is_skipped():
    distances = normalised_distances(KEYPOINTS, KEYPOINTS, LABELLED, np.array([0.0, 10.0]))
    assert np.isnan(distances[0]).all()
    assert (distances[1, :2] == 0).all()


def test_sizes_are_the_longer_box_side_and_the_length_of_labelled_segments():
    assert bbox_size(np.array([[1, 2, 4, 12], [0, 0, 8, 3]])).tolist() == [10, 8]
    assert segment_size(KEYPOINTS, LABELLED, (0, 2)).tolist() == [20, 0]


def test_mean_pose_placed_in_its_own_boxes_returns_one_pose():
    boxes = np.array([[0, 0, 10, 20], [100, 50, 140, 60]], float)
    pose = np.array([[0.1, 0.2], [0.5, 0.5], [0.9, 1.1]])
    keypoints = place_pose(pose, boxes)
    labelled = np.array([[True, False, True], [True, False, False]])
    averaged = mean_pose(keypoints, labelled, boxes)
    np.testing.assert_allclose(averaged, [[0.1, 0.2], [0.5, 0.5], [0.9, 1.1]])
