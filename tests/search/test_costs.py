"""Costs are exact, and budgets are kept by what they say."""

import pytest
import torch
from registry_cases import TINY_MODEL, TINY_VIPNAS
from torch import nn

from posenas.registry import MODELS, TASK_UTILS
from posenas.search import (
    ActivationMemoryCost,
    Budget,
    CostContext,
    MacsCost,
    NetworkCounter,
    ParamsCost,
    derive_model,
)
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

SPACE = TASK_UTILS.build(TINY_VIPNAS['space'])
TEMPLATE = dict(TINY_MODEL, backbone={}, head=TINY_VIPNAS['head'])
COUNTER = NetworkCounter(TEMPLATE)
CONTEXT = CostContext((64, 64), 17)


@pytest.mark.parametrize('end', [0, 1])
def test_counts_are_those_of_the_network_that_is_built(end):
    genotype = SPACE.to_genotype(SPACE.extremes()[end])
    network = MODELS.build(derive_model(genotype, TEMPLATE))
    cost = profile_model(network, torch.zeros(1, 3, 64, 64))
    assert ParamsCost(COUNTER)(genotype, CONTEXT) == cost.parameters
    assert MacsCost(COUNTER)(genotype, CONTEXT) == cost.macs
    assert ActivationMemoryCost(COUNTER)(genotype, CONTEXT) == cost.peak_memory


def test_one_operation_costs_what_it_adds():
    operation = nn.Conv2d(4, 8, 3, padding=1, bias=False)
    assert ParamsCost(COUNTER).per_op(operation, (4, 5, 6)) == 4 * 8 * 9
    assert MacsCost(COUNTER).per_op(operation, (4, 5, 6)) == 4 * 8 * 9 * 5 * 6
    assert ActivationMemoryCost(COUNTER).per_op(operation, (4, 5, 6)) == 4 * 8 * 5 * 6


def test_the_fingerprint_knows_the_model_and_no_more():
    assert NetworkCounter(dict(TEMPLATE)).fingerprint() == COUNTER.fingerprint()
    other = NetworkCounter(dict(TEMPLATE, neck=dict(type='FeatureMapProcessor')))
    assert other.fingerprint() != COUNTER.fingerprint()
    assert ParamsCost(COUNTER).fingerprint() != MacsCost(COUNTER).fingerprint()


def test_joints_that_the_model_does_not_have_are_refused():
    genotype = SPACE.to_genotype(SPACE.extremes()[0])
    with pytest.raises(ConfigError, match=r'must have 16 keypoints, got head\.out_channels=17'):
        COUNTER(genotype, CostContext((64, 64), 16))


@pytest.mark.parametrize(
    ('limit', 'cost', 'violation'),
    [
        (100, 100, 0),
        (100, 150, 0.5),
        ((80, 100), 60, 0.25),
        ((80, 100), 90, 0),
        ((None, 100), 300, 2),
        ((80, None), 1e9, 0),
    ],
)
def test_a_violation_is_relative_to_the_limit(limit, cost, violation):
    budget = Budget([MacsCost(COUNTER)], dict(macs=limit))
    assert budget.violation(dict(macs=cost)) == pytest.approx(violation)


def test_a_limit_may_be_a_single_value():
    budget = Budget([MacsCost(COUNTER)], dict(macs=(100, 100)))
    assert budget.violation(dict(macs=100)) == 0
    assert budget.violation(dict(macs=90)) == budget.violation(dict(macs=110)) == 0.1


def test_violations_of_several_limits_add_up():
    budget = Budget([MacsCost(COUNTER), ParamsCost(COUNTER)], dict(macs=10, params=10))
    assert budget.violation(dict(macs=15, params=20)) == pytest.approx(1.5)
    with pytest.raises(ConfigError, match=r"add \['params'\]"):
        budget.violation(dict(macs=1))


@pytest.mark.parametrize(
    ('limits', 'message'),
    [
        (dict(latency=1), 'limits must be of costs'),
        (dict(macs=(2, 1)), 'must be'),
        (dict(macs=0), 'greater than 0'),
        (dict(macs=(1, 2, 3)), 'must be an upper bound or'),
    ],
)
def test_limits_without_meaning_are_refused(limits, message):
    with pytest.raises(ConfigError, match=message):
        Budget([MacsCost(COUNTER)], limits)


@pytest.mark.parametrize('space', ['PoseNASSpace', 'ViPNASSpace'])
def test_published_spaces_make_networks_from_configs(space):
    made = TASK_UTILS.build(dict(type=space))
    genotype = made.to_genotype(made.extremes()[0])
    head = dict(type='PoseNASHead', in_channels=96, out_channels=17)
    model = dict(
        TINY_MODEL, backbone={}, head=head if space == 'PoseNASSpace' else TINY_VIPNAS['head']
    )
    counts = NetworkCounter(model)(genotype, CostContext((192, 256), 17))
    assert counts.params > 1e5
    assert counts.macs > 1e8
