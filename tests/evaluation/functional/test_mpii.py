import numpy as np
import pytest

from posenas.evaluation.functional import head_distances, head_sizes, pckh, pckh_mean


def distances_of(errors, visible=None, size=10.0):
    errors = np.asarray(errors, np.float64)
    keypoints = np.full((*errors.shape, 2), 50.0)
    predictions = keypoints + np.stack([errors, np.zeros_like(errors)], axis=-1)
    visible = np.ones(errors.shape, bool) if visible is None else visible
    return head_distances(predictions, keypoints, visible, np.full(len(errors), size))


def test_a_head_measures_six_tenths_of_its_diagonal():
    np.testing.assert_allclose(head_sizes(np.array([[[0, 0], [30, 40]]])), [30])


def test_a_distance_equal_to_the_threshold_is_correct():
    distances = distances_of([[5.0] * 16, [5.001] * 16])
    assert pckh_mean(distances) == 50


def test_a_prediction_that_is_not_a_number_is_wrong():
    assert pckh_mean(distances_of([[np.nan] * 16])) == 0


def test_joints_of_an_empty_head_are_wrong():
    distances = distances_of([[0.0] * 16], size=0.0)
    assert pckh_mean(distances) == 0


def test_pelvis_and_thorax_do_not_count():
    errors = np.zeros((1, 16))
    errors[:, 6:8] = 100
    assert pckh_mean(distances_of(errors)) == 100


def test_the_mean_weighs_joints_by_samples_and_columns_weigh_sides_alike():
    errors, visible = np.zeros((4, 16)), np.zeros((4, 16), bool)
    visible[:, 0], visible[0, 5] = True, True  # right ankle four times, left once
    errors[0, 5] = 100
    scores = pckh(distances_of(errors, visible))
    assert scores['Ankle'] == 50
    assert scores['Mean'] == 80
    assert np.isnan(scores['Head'])


def test_without_samples_there_is_no_mean():
    assert np.isnan(pckh_mean(distances_of(np.zeros((2, 16)), np.zeros((2, 16), bool))))


@pytest.mark.parametrize('seed', range(3))
def test_scores_are_monotone_in_the_threshold(seed):
    distances = distances_of(np.random.default_rng(seed).exponential(5, (6, 16)))
    means = [pckh_mean(distances, t) for t in np.linspace(0, 2, 21)]
    assert means == sorted(means)
