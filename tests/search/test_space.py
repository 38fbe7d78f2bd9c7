"""Decisions and the moves among architectures."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posenas.search import Arch, Choice, Logits, SearchSpace


class PairSpace(SearchSpace):
    """Two widths of which the second may not be smaller, a switch and some weights."""

    decisions = (
        Choice('first', (1, 2, 3), 'widths'),
        Choice('second', (1, 2, 3), 'widths'),
        Choice('switch', (False, True)),
        Choice('alone', ('x',)),
        Logits('alphas', (2, 3)),
    )

    def find_conflict(self, arch):
        return 'second < first' if arch['second'] < arch['first'] else None

    def to_genotype(self, arch):
        raise NotImplementedError

    def from_genotype(self, genotype):
        raise NotImplementedError


SPACE = PairSpace()
rngs = st.integers(0, 10**6).map(np.random.default_rng)


def test_an_arch_is_a_plain_value():
    arch = Arch(dict(width=8, on=True, name='a', alphas=[1, 2.5]))
    assert arch == Arch(dict(alphas=(1.0, 2.5), name='a', on=True, width=8))
    assert len({arch, Arch(arch.to_dict()), pickle.loads(pickle.dumps(arch))}) == 1  # noqa: S301
    assert (arch | dict(width=16))['width'] == 16
    assert arch['width'] == 8
    assert arch.to_dict()['alphas'] == [1.0, 2.5]


@pytest.mark.parametrize('value', [None, 1.5, np.int64(3), np.zeros(2), ['a'], {}])
def test_an_arch_takes_plain_values_only(value):
    with pytest.raises(TypeError, match='width must be'):
        Arch(dict(width=value))


@given(rngs, st.floats(0, 1))
def test_moves_stay_in_the_space(rng, prob):
    a, b = SPACE.sample(rng), SPACE.sample(rng)
    mutant, child = SPACE.mutate(a, prob, rng), SPACE.crossover(a, b, rng)
    assert [SPACE.contains(arch) for arch in (a, b, mutant, child)] == [None] * 4
    assert mutant != a
    assert all(child[name] in (a[name], b[name]) for name in child)
    assert (child['first'], child['second']) in [(p['first'], p['second']) for p in (a, b)]


@given(rngs)
def test_the_same_generator_moves_the_same_way(rng):
    state = rng.bit_generator.state
    first = SPACE.sample(rng)
    rng.bit_generator.state = state
    assert SPACE.sample(rng) == first


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        (dict(first=4), 'first must be one of'),
        (dict(switch=1), 'switch must be one of'),
        (dict(alphas=(0.0,)), 'alphas must be 6 finite numbers'),
        (dict(alphas=(float('nan'),) * 6), 'alphas must be 6 finite numbers'),
        (dict(first=3, second=1), 'second < first'),
        (dict(other=1), "remove \\['other'\\]"),
    ],
)
def test_what_lies_outside_is_named(changes, reason):
    inside = SPACE.extremes()[0]
    assert SPACE.contains(inside) is None
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(SPACE.contains(inside | changes))


def test_distance_counts_decisions():
    small, large = SPACE.extremes()
    assert SPACE.distance(small, small) == 0
    assert SPACE.distance(small, large) == 3  # what is alone and equal weights do not differ
    sharp = small | dict(alphas=(100.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert SPACE.distance(small, sharp) == pytest.approx(2 / 3)
    assert SPACE.encode(small).shape == (3 + 3 + 2 + 1 + 6,)
    assert SPACE.count() == 3 * 3 * 2


def test_a_space_of_one_cannot_mutate():
    class Single(PairSpace):
        decisions = (Choice('alone', ('x',)),)

    with pytest.raises(RuntimeError, match='mutate must find'):
        Single().mutate(Arch(dict(alone='x')), 1, np.random.default_rng(0))
