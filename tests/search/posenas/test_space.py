"""The space of PoseNAS cells."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from posenas.genotype import (
    POSENAS_LIGHT_OPERATIONS,
    POSENAS_OPERATIONS,
    Genotype,
    load_genotype,
)
from posenas.genotype.posenas.released import RELEASED_MACRO, make_released_genotype
from posenas.models import PoseNAS
from posenas.search import PoseNASSpace
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

SPACES = dict(
    published=PoseNASSpace(macro=RELEASED_MACRO),
    dense=PoseNASSpace(dense_fusion=True),
    attention=PoseNASSpace(POSENAS_OPERATIONS, POSENAS_OPERATIONS),
    strided=PoseNASSpace(POSENAS_OPERATIONS, strided_attention=True),
)
each_space = pytest.mark.parametrize('space', SPACES.values(), ids=SPACES)
SMALL = dict(
    layers=4,
    init_channels=8,
    reductions=[1, 2, 3],
    num_stages=1,
)


def test_the_released_architecture_is_a_point_of_the_space(golden_dir):
    released = load_genotype(golden_dir / 'posenas' / 'genotype_released.json')
    space = SPACES['published']
    arch = space.from_genotype(released)
    assert space.contains(arch) is None
    assert space.to_genotype(arch).id == released.id


def test_the_order_of_sources_changes_nothing_but_the_listing():
    space = SPACES['published']
    arch = space.from_genotype(make_released_genotype())
    sorted_arch = space.repair(arch)
    assert sorted_arch != arch
    assert space.distance(arch, sorted_arch) == 0
    assert space.repair(sorted_arch) == sorted_arch
    sources = [cell.sources for cell in space.to_genotype(sorted_arch).cells.values()]
    assert all(list(node) == sorted(node) for cell in sources for node in cell)


@each_space
@given(seed=st.integers(0, 2**31))
def test_moves_stay_inside_and_genotypes_lead_back(space, seed):
    rng = np.random.default_rng(seed)
    mother, father = space.sample(rng), space.sample(rng)
    children = (space.crossover(mother, father, rng), space.mutate(mother, 0.1, rng))
    for arch in (mother, father, *children):
        assert space.contains(arch) is None
        assert space.from_genotype(space.to_genotype(arch)) == arch
    assert space.distance(mother, children[1]) > 0


@pytest.mark.parametrize('attention', [False, True])
def test_the_size_counts_every_sum_once(attention):
    pairs = [list(combinations(range(node), 2)) for node in range(2, 6)]
    encoder = 7 if not attention else 13
    normal = reduce = 1
    for node in pairs:
        normal *= len(node) * encoder**2
        legal = [[11 if attention and s < 2 else encoder for s in pair] for pair in node]
        reduce *= sum(a * b for a, b in legal)
    fusion = np.prod([len(node) * (13 if attention else 8) ** 2 for node in pairs], dtype=object)
    space = SPACES['attention' if attention else 'published']
    assert space.count() == normal * reduce * fusion**3


def test_dense_fusion_chooses_one_map_for_each_input():
    space = SPACES['dense']
    assert space.count() == SPACES['published'].count() * (1 * 3) * (2 * 2) * (3 * 1)
    arch = space.from_genotype(make_released_genotype())
    changed = arch | {'decoder.fuse2.coarse': 3, 'decoder.fuse1.lateral': 0}
    assert space.to_genotype(changed).macro['sources'] == [[3, 0], [3, 1], [1, 0]]
    assert space.to_genotype(arch).macro['sources'] == [[3, 2], [2, 1], [1, 0]]


def test_attention_cannot_halve_the_size():
    space = SPACES['attention']
    arch = space.from_genotype(make_released_genotype())
    wrong = arch | {'encoder.reduce.2.first': 'se_connect'}
    assert 'se_connect cannot halve the size of state 1' in space.contains(wrong)
    with pytest.raises(ConfigError, match='must lie in the space'):
        space.to_genotype(wrong)


def test_attention_halves_the_size_where_the_genotype_says_so():
    space = SPACES['strided']
    arch = space.from_genotype(make_released_genotype())
    genotype = space.to_genotype(arch | {'encoder.reduce.2.first': 'se_connect'})
    assert genotype.macro['strided_attention']
    assert Genotype.from_dict(genotype.to_dict()) == genotype
    without = genotype.to_dict()
    del without['macro']['strided_attention']
    with pytest.raises(ConfigError, match=r"must halve the size .*got 'se_connect'"):
        Genotype.from_dict(without)


@pytest.mark.parametrize(
    'operations',
    [('std_conv_5x5',), ('none',), ('none', 'se_connect'), ('skip_connect', 'skip_connect')],
)
def test_candidates_that_make_no_cell_are_refused(operations):
    with pytest.raises(ConfigError, match='candidates of encoder'):
        PoseNASSpace(operations)


def test_a_genotype_of_other_candidates_is_refused():
    space = PoseNASSpace(('none', 'skip_connect', 'std_conv_3x3'))
    with pytest.raises(ConfigError, match='must be one of'):
        space.from_genotype(make_released_genotype())


def test_the_extremes_cost_least_and_most():
    space = PoseNASSpace(
        POSENAS_OPERATIONS[:8], POSENAS_OPERATIONS, macro={**RELEASED_MACRO, **SMALL, 'taps': None}
    )
    rng = np.random.default_rng(0)
    costs = []
    for arch in (*space.extremes(), *(space.sample(rng) for _ in range(2))):
        with torch.device('meta'):
            network = PoseNAS(genotype=space.to_genotype(arch))
            costs.append(profile_model(network, torch.empty(1, 3, 64, 64)).macs)
    assert costs[0] == min(costs) < max(costs) == costs[1]
    assert set(POSENAS_LIGHT_OPERATIONS) < set(POSENAS_OPERATIONS)
