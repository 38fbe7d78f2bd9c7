"""Intervals cover what they should: resampled people and trainings have the known spread."""

import hashlib

import numpy as np
import pytest

from posenas.evaluation.functional import (
    detectable_difference,
    paired_p_values,
    resample,
    resample_levels,
)


def mean(values):
    return lambda weights: np.array([weights @ values / weights.sum()])


def test_one_level_is_the_resampling_of_images():
    values = np.random.default_rng(0).normal(size=50)
    one = resample(mean(values), 50, 20, seed=3)
    np.testing.assert_array_equal(one, resample_levels(mean(values), [(50, 50)], 20, seed=3))


def test_sample_n_is_the_same_however_many_are_drawn():
    values = np.random.default_rng(0).normal(size=9)
    few, many = (resample_levels(mean(values), [(9, 8)], count, seed=1) for count in (3, 7))
    np.testing.assert_array_equal(few, many[:3])


def test_published_intervals_stay_what_they_are():
    drawn = []
    resample(lambda weights: drawn.append(weights) or np.zeros(1), 200, 2, seed=3)
    weights = np.stack(drawn).astype(np.int64)
    assert hashlib.sha256(weights.tobytes()).hexdigest().startswith('2ffef70f7c4cdfa9')


@pytest.mark.parametrize('num_seeds', [2, 3, 5])
def test_one_draw_less_than_seeds_gives_their_mean_its_variance(num_seeds):
    values = np.random.default_rng(num_seeds).normal(size=num_seeds)
    samples = resample_levels(mean(values), [(num_seeds, num_seeds - 1)], 4000)
    assert samples.var() == pytest.approx(values.var(ddof=1) / num_seeds, rel=0.1)


def test_levels_add_their_variances():
    rng = np.random.default_rng(0)
    persons, seeds = rng.normal(size=400), rng.normal(0, 0.1, 4)
    total = persons[:, None] + seeds

    def score(person_weights, seed_weights):
        return np.array(
            [person_weights @ total @ seed_weights / person_weights.sum() / seed_weights.sum()]
        )

    samples = resample_levels(score, [(400, 400), (4, 3)], 3000)
    expected = persons.var(ddof=1) / 400 + seeds.var(ddof=1) / 4
    assert samples.var() == pytest.approx(expected, rel=0.1)


def test_the_detectable_difference_is_2_8_standard_errors():
    samples = np.random.default_rng(0).normal(0, [[1.0, 3.0]], (20000, 2))
    np.testing.assert_allclose(detectable_difference(samples), [2.80, 8.41], rtol=0.02)


@pytest.mark.parametrize(
    ('levels', 'num_samples'), [([(3, 0)], 5), ([(4, 4), (0, 1)], 5), ([(3, 3)], 0)]
)
def test_nothing_to_draw_is_refused(levels, num_samples):
    with pytest.raises(ValueError, match='must be at least 1'):
        resample_levels(lambda *weights: np.zeros(1), levels, num_samples)


def test_p_values_count_what_turns_around():
    differences = np.array([[1, -1, 1, -1]] * 8 + [[1, -1, -1, 1]])
    assert paired_p_values(differences) == pytest.approx([0.2, 0.2, 0.4, 0.4])
