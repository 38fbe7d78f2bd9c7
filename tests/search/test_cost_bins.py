"""Random architectures that are spread over their costs."""

import numpy as np
from search.toy_space import NUM_STAGES, WIDTHS, ToyCost, ToySpace

from posenas.search import CostBins

SPACE, COST = ToySpace(), ToyCost()


def cost_of(arch):
    return COST(SPACE.to_genotype(arch), None)


def test_each_bin_is_drawn_as_often_as_any_other():
    bins = CostBins(SPACE, COST, num_bins=4)
    assert len(bins.edges) == 5
    np.testing.assert_allclose(np.diff(bins.edges), np.ptp(bins.edges) / 4)
    rng = np.random.default_rng(0)
    spread = [cost_of(bins.sample(rng)) for _ in range(200)]
    counts, _ = np.histogram(spread, bins.edges)
    assert counts.sum() == 200
    assert (abs(counts - 50) < 20).all()


def test_bins_leave_out_the_rarest_costs_at_either_end():
    squares = np.square(WIDTHS)
    every = sum(np.meshgrid(*[squares] * NUM_STAGES)).ravel()
    edges = CostBins(SPACE, COST, num_bins=2).edges
    lowest, low, high, highest = np.quantile(every, [0.002, 0.025, 0.975, 0.998])
    assert lowest <= edges[0] <= low < high <= edges[-1] <= highest


def test_the_nearest_architecture_counts_where_none_lies_in_the_bin():
    bins = CostBins(SPACE, COST, num_bins=1, max_tries=20)
    for edges, nearest in (([1e6, 2e6], max), ([0.0, 1.0], min)):
        bins.edges = np.array(edges)
        rng = np.random.default_rng(3)
        rng.integers(1)  # the bin
        tried = [cost_of(SPACE.sample(rng)) for _ in range(20)]
        assert cost_of(bins.sample(np.random.default_rng(3))) == nearest(tried)
