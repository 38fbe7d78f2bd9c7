"""The spatial ViPNAS spaces."""

import numpy as np
import pytest
from genotype.vipnas.test_blocks import mbv3, res50
from hypothesis import given, settings
from hypothesis import strategies as st
from registry_cases import TINY_VIPNAS_SPACE

from posenas.registry import TASK_UTILS
from posenas.search import ViPNASSpace
from posenas.utils import ConfigError

RES50, MBV3 = ViPNASSpace(), ViPNASSpace('ViPNAS_MobileNetV3')
each_space = pytest.mark.parametrize('space', [RES50, MBV3], ids=['res50', 'mbv3'])


def test_the_residual_space_has_the_published_size():
    assert RES50.count() == 105_672_301_608_960


@pytest.mark.parametrize(('space', 'genotype'), [(RES50, res50()), (MBV3, mbv3())])
def test_a_published_network_is_a_point_of_its_space(space, genotype):
    arch = space.from_genotype(genotype)
    assert space.contains(arch) is None
    assert space.to_genotype(arch).id == genotype.id


@each_space
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_moves_stay_in_the_space_and_genotypes_lead_back(space, seed):
    rng = np.random.default_rng(seed)
    mother, father = space.sample(rng), space.sample(rng)
    child = space.mutate(space.crossover(mother, father, rng), 0.1, rng)
    for arch in (mother, father, child):
        assert space.contains(arch) is None
        assert space.from_genotype(space.to_genotype(arch)) == arch


def test_depthwise_is_written_as_a_number_where_that_is_an_option():
    largest = RES50.extremes()[1]
    named = largest | {'stages.3.width': 608, 'head.width': 144, 'head.0.groups': 'dw'}
    assert RES50.to_genotype(named).choices['head'][0]['groups'] == 16
    assert RES50.repair(named)['head.0.groups'] == 16


def test_options_are_sorted_from_cheap_to_expensive():
    space = TASK_UTILS.build(TINY_VIPNAS_SPACE)
    options = {choice.name: choice.options for choice in space.decisions}
    assert options['stages.0.groups'] == ('dw', 8, 4)
    assert TASK_UTILS.build(dict(TINY_VIPNAS_SPACE, name='own/1')).name == 'own/1'


ONE = dict(depth=(1,), kernel=(3,), groups=(1,), attention=(True,))


def change_stage(i, **genes):
    stages = [dict(stage) for stage in TINY_VIPNAS_SPACE['stages']]
    stages[i] |= genes
    return dict(TINY_VIPNAS_SPACE, stages=stages)


@pytest.mark.parametrize(
    ('cfg', 'text'),
    [
        (change_stage(1, groups=(5,)), 'must divide all channels'),
        (change_stage(1, width=(96, 98), groups=('dw',), attention=(True,)), 'multiples of 8'),
        (dict(TINY_VIPNAS_SPACE, stages=TINY_VIPNAS_SPACE['stages'][:3]), 'has 4 stages'),
        (dict(TINY_VIPNAS_SPACE, stem=dict(width=(8,))), 'must hold options of'),
        (
            dict(
                type='ViPNASSpace',
                backbone='ViPNAS_MobileNetV3',
                stages=[
                    dict(width=(w,), expand=e, **ONE) for w, e in ((16, (1,)), *((24, (1, 3)),) * 5)
                ],
            ),
            'expand must be 1 alone',
        ),
    ],
)
def test_combinations_that_are_no_networks_are_refused(cfg, text):
    with pytest.raises(ConfigError, match=text):
        TASK_UTILS.build(cfg)


def test_genotypes_of_other_spaces_are_refused():
    with pytest.raises(ConfigError, match='backbone must be one'):
        RES50.from_genotype(mbv3())
    with pytest.raises(ConfigError, match='does not lie in'):
        TASK_UTILS.build(TINY_VIPNAS_SPACE).from_genotype(res50())
