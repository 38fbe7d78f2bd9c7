"""Orders of networks and how far they agree."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from posenas.search import Arch, Record, find_band, pair_records, rank
from posenas.search.ranking import _count_left_out, _tau
from posenas.utils import ConfigError


@pytest.mark.parametrize(
    ('order', 'tau'), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], -1.0), ([1, 2, 4, 3], 2 / 3)]
)
def test_tau_counts_pairs(order, tau):
    found = rank([10, 20, 30, 40], order)
    assert found.count == 4
    assert found.tau == pytest.approx(tau)
    assert found.low <= found.tau <= found.high


def test_resampled_taus_are_those_of_scipy_with_ties():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 5, (2, 20, 8)).astype(float)
    wanted = [kendalltau(x, y).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(_tau(a, b), wanted, rtol=1e-12)


def test_the_interval_of_unrelated_orders_holds_zero_and_that_of_related_ones_does_not():
    rng = np.random.default_rng(1)
    truth = rng.normal(size=30)
    related, other = truth + 0.2 * rng.normal(size=30), rng.normal(size=30)
    assert rank(related, truth).low > 0.5
    assert rank(other, truth).low < 0 < rank(other, truth).high


def test_two_networks_have_no_order():
    with pytest.raises(ConfigError, match='3 networks or more, got 2 and 2'):
        rank([1, 2], [1, 2])


def test_three_networks_have_an_order():
    assert rank([1, 2, 3], [1, 2, 3]).tau == pytest.approx(1)
    with pytest.raises(ConfigError, match='got 3 and 4'):
        rank([1, 2, 3], [1, 2, 3, 4])


def test_the_band_is_the_largest_group_of_nearly_equal_costs():
    assert find_band([100, 50, 104, 200, 105, 106], 0.05) == [0, 2, 4]
    assert find_band([], 0.05) == []


def test_records_are_paired_by_architecture_whatever_their_trials():
    def record(trial, name, status='ok'):
        return Record(trial, 0, (), name, Arch(dict(width=trial)), dict(AP=0.5), {}, status)

    cheap = [record(0, 'a'), record(1, 'b'), record(2, 'c', 'failed'), record(3, 'd')]
    trained = [*map(record, range(5), 'dcaxd')]
    pairs = pair_records(cheap, trained)
    assert [(one.id, other.trial) for one, other in pairs] == [('d', 0), ('a', 2)]
    assert _count_left_out(cheap, trained, pairs) == {
        'with cheap scores that failed': 1,
        'with cheap scores again': 0,
        'with cheap scores alone': 1,
        'trained that failed': 0,
        'trained again': 1,
        'trained alone': 2,
    }
