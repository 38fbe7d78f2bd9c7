"""Probabilities of visible keypoints: fitted, and compared with outcomes."""

import numpy as np
import pytest

from posenas.evaluation.functional import fit_visibility, measure_reliability


def draw_labels(count, seed):
    """Draw features and labels of a known logistic model with two keypoints."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 8))
    joints = rng.integers(0, 2, count)
    odds = 0.5 + 1.5 * features[:, 0] - features[:, 3] + np.where(joints, 1.0, -1.0)
    chances = 1 / (1 + np.exp(-odds))
    return features, joints, chances, rng.random(count) < chances


def test_a_known_model_is_recovered_and_reliable():
    features, joints, _, outcomes = draw_labels(4000, 0)
    made = fit_visibility(features, joints, outcomes, ('a', 'b'), False)
    features, joints, chances, outcomes = draw_labels(4000, 1)
    found = made.predict_features(features, joints)
    assert np.abs(found - chances).mean() < 0.02
    images = np.arange(4000) // 10
    report = measure_reliability(found, outcomes, images, num_samples=100)
    assert report.error.value < 0.03
    assert report.brier.high < report.base_brier.low
    assert 0.8 < report.ranking.low < report.ranking.value < report.ranking.high
    inside = [
        interval.low <= predicted <= interval.high
        for predicted, interval in zip(report.predicted, report.observed, strict=True)
    ]
    assert sum(inside) >= 8
    assert sum(report.counts) == 4000


def test_wrong_probabilities_are_told():
    _, _, chances, outcomes = draw_labels(4000, 2)
    images = np.arange(4000) // 10
    report = measure_reliability(1 - chances, outcomes, images, num_samples=20)
    assert report.error.low > 0.2
    assert report.ranking.value < 0.3
    same = measure_reliability(np.full(4000, 0.5), outcomes, images, num_samples=20)
    assert same.ranking.value == pytest.approx(0.5)


def test_labels_that_are_all_the_same_are_refused():
    features, joints, chances, _ = draw_labels(50, 3)
    visible = np.ones(50, bool)
    with pytest.raises(ValueError, match='some keypoints must be visible and some not'):
        fit_visibility(features, joints, visible, ('a', 'b'), False)
    with pytest.raises(ValueError, match='outcomes must differ'):
        measure_reliability(chances, visible, joints)
