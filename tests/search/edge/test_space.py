"""The space of networks for inference engines."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_cases import TINY_EDGE_SPACE

from posenas.registry import TASK_UTILS
from posenas.search import Arch, CostContext, EdgeCounter, EdgeSpace
from posenas.utils import ConfigError

SPACE, TINY = EdgeSpace(), TASK_UTILS.build(TINY_EDGE_SPACE)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_moves_stay_in_the_space_and_genotypes_lead_back(seed):
    rng = np.random.default_rng(seed)
    mother, father = SPACE.sample(rng), SPACE.sample(rng)
    child = SPACE.mutate(SPACE.crossover(mother, father, rng), 0.1, rng)
    cheaper = SPACE.cheapen(child, rng) or child
    for arch in (mother, father, child, cheaper):
        assert SPACE.contains(arch) is None
        assert SPACE.from_genotype(SPACE.to_genotype(arch)) == arch


def test_different_networks_are_counted():
    genes = dict(kind=('dense', 'inverted'), expand=(1, 4), kernel=(3, 7), depth=(1,))
    space = EdgeSpace(
        stem=(8,),
        stages=[
            dict(genes, width=(8,)),
            *[dict(genes, width=(8,), expand=(1, 2), kernel=(3,))] * 2,
        ],
        fusion=(8, 16),
        head=dict(kind=('shuffle', 'deconv'), width=(4, 8)),
    )
    options = [decision.options for decision in space.decisions]
    names = [decision.name for decision in space.decisions]
    archs = (space.repair(Arch(dict(zip(names, v, strict=True)))) for v in product(*options))
    assert space.count() == len({space.to_genotype(arch).id for arch in archs})


def test_most_networks_have_at_most_the_parameters_that_the_limit_allows():
    rng, context = np.random.default_rng(0), CostContext((128, 160), 17)
    counts = [EdgeCounter()(SPACE.to_genotype(SPACE.sample(rng)), context) for _ in range(100)]
    assert np.mean([count.params <= 1.3e6 for count in counts]) > 0.5


def test_every_kind_learns_at_its_largest_and_its_smallest():
    small, large = TINY.extremes()
    rng = np.random.default_rng(0)
    archs = [TINY.vary(large, rng) for _ in range(60)]
    for part in ('stages.0', 'stages.2', 'head'):
        assert len({arch[f'{part}.kind'] for arch in archs}) == 3
    by_kind = {arch['stages.1.kind']: arch for arch in archs}
    assert by_kind['inverted']['stages.1.kernel'] == 5
    assert {kind: arch['stages.1.expand'] for kind, arch in by_kind.items()} == dict(
        dense=1, inverted=3, fused=3
    )
    assert all(TINY.contains(arch) is None for arch in archs)
    assert TINY.vary(small, rng)['scales'] == 2
    other = TINY.sample(rng)
    assert TINY.vary(other, rng) is other


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (dict(stages=[]), '3 stages, got 0'),
        (dict(scales=(1, 2)), 'scales must be of'),
        (dict(head=dict(kind=('linear',), width=(8,))), 'head.kind must be of'),
        (dict(kind=('csp',)), 'stages.0.kind must be of'),
        (dict(kind=('dense',), expand=(2,)), r'stages.0.expand must hold one of \[1\]'),
        (dict(groups=(1,)), 'stages.0 must hold'),
    ],
)
def test_options_that_make_no_network_are_refused(change, said):
    stages = [dict(stage) for stage in TINY_EDGE_SPACE['stages']]
    is_of_stage = not {*change} & {'stages', 'scales', 'head'}
    stages[0] |= change if is_of_stage else {}
    given = dict(TINY_EDGE_SPACE, stages=stages) | ({} if is_of_stage else change)
    with pytest.raises(ConfigError, match=said):
        TASK_UTILS.build(given)


def test_networks_of_other_sizes_lie_outside():
    genotype = SPACE.to_genotype(SPACE.extremes()[1])
    with pytest.raises(ConfigError, match=r'does not lie in edge-own/1: stem\.width'):
        TINY.from_genotype(genotype)


def test_options_are_ordered_from_the_cheapest_network():
    space = EdgeSpace(stem=(32, 16), fusion=(64, 32, 48))
    options = {decision.name: decision.options for decision in space.decisions}
    assert options['stem.width'] == (16, 32)
    assert options['fusion.width'] == (32, 48, 64)
