"""Rules that end a search, on planted histories, and the eigenvalue that one of them reads."""

import numpy as np
import pytest
import torch
from torch import nn

from posenas.search import PoseNASSpace
from posenas.search.collapse import (
    EigenvalueRule,
    EntropyRule,
    Observation,
    ParameterFreeRule,
    SkipRule,
    StabilityRule,
    largest_eigenvalue,
)

SPACE = PoseNASSpace()
LARGE = SPACE.extremes()[1]
ENDS = [f'encoder.normal.{node}.{end}' for node in range(2, 6) for end in ('first', 'second')]


def plant(eigenvalues=(), archs=None):
    """One observation for each epoch, from 11 on."""
    archs = archs or [LARGE] * len(eigenvalues)
    eigenvalues = eigenvalues or [None] * len(archs)
    return [
        Observation(epoch, arch, 0.5, value)
        for epoch, (arch, value) in enumerate(zip(archs, eigenvalues, strict=True), 11)
    ]


def with_operations(count, name='skip_connect'):
    """An architecture whose normal cell has ``count`` such edges."""
    return LARGE | dict.fromkeys(ENDS[:count], name)


def find_stop(rule, history):
    """Return the epoch at which the rule stops, and the stop."""
    for i in range(1, len(history) + 1):
        stop = rule.check(history[:i])
        if stop:
            return history[i - 1].epoch, stop
    return None


def test_growth_of_the_eigenvalue_stops_and_returns_what_was_before():
    history = plant([1.0] * 12 + [2.0] * 6)
    # means of five epochs: 1, 1.2, 1.4, ...; 1.4 is the first beyond 1.3 times the mean of 1
    epoch, stop = find_stop(EigenvalueRule(), history)
    assert (epoch, stop.epoch) == (24, 20)
    assert 'from 1 to 1.4' in stop.reason


@pytest.mark.parametrize(
    'values',
    [[1.0] * 30, list(np.linspace(1, 1.9, 30)), list(np.linspace(2, 0.1, 30)), [-1.0] * 12],
    ids=['constant', 'slow growth', 'fall', 'negative'],
)
def test_a_steady_eigenvalue_stops_nothing(values):
    assert find_stop(EigenvalueRule(), plant(values)) is None


def test_the_eigenvalue_stops_nothing_before_ten_evaluations():
    history = plant([1.0, 1.0, 1.0, 1.0, *[9.0] * 10])
    assert find_stop(EigenvalueRule(min_evaluations=1), history)[0] == 15
    assert find_stop(EigenvalueRule(), history)[0] == 20


def test_two_identities_stop_and_return_the_last_cell_with_fewer():
    history = plant(archs=[with_operations(n) for n in (0, 1, 0, 1, 2, 3)])
    epoch, stop = find_stop(SkipRule(), history)
    assert (epoch, stop.epoch) == (15, 14)
    assert find_stop(SkipRule(limit=4), history) is None


def test_a_cell_that_was_never_good_returns_itself():
    history = plant(archs=[with_operations(3)] * 2)
    assert find_stop(SkipRule(min_evaluations=2), history)[1].epoch == 12


@pytest.mark.parametrize('name', ['skip_connect', 'avg_pool_3x3', 'max_pool_3x3'])
def test_more_than_half_without_parameters_stop(name):
    history = plant(archs=[with_operations(n, name) for n in (3, 4, 4, 5)])
    epoch, stop = find_stop(ParameterFreeRule(), history)
    assert (epoch, stop.epoch) == (14, 13)


def test_an_architecture_at_rest_stops_whatever_the_order_of_its_edges():
    swapped = {'encoder.normal.5.sources': '4,3'}
    archs = [with_operations(1), *[LARGE, LARGE | swapped] * 6]
    epoch, stop = find_stop(StabilityRule(), plant(archs=archs))
    assert (epoch, stop.epoch) == (22, 22)
    assert find_stop(StabilityRule(), plant(archs=[LARGE, with_operations(1)] * 10)) is None


def test_a_decided_search_stops_with_what_it_decided():
    values = [0.9, 0.04, 0.5, 0.05, 0.01]
    history = [Observation(epoch, LARGE, value) for epoch, value in enumerate(values, 11)]
    assert find_stop(EntropyRule(), history)[0] == 12
    epoch, stop = find_stop(EntropyRule(min_evaluations=3), history)
    assert (epoch, stop.epoch) == (14, 14)
    assert find_stop(EntropyRule(limit=0.0), history) is None


def test_an_observation_survives_its_plain_form():
    one = Observation(3, LARGE, 0.25, 1.5)
    assert Observation.from_dict(one.to_dict()) == one


@pytest.mark.parametrize('sign', [1, -1])
def test_the_eigenvalue_is_that_of_the_whole_hessian(sign):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x, y = torch.randn(8, 3).double(), torch.randn(8, 2).double()
    parameters = {'first': net[0].weight, 'second': net[2].weight}

    def loss(parameters):
        out = torch.func.functional_call(
            net, {'0.weight': parameters['first'], '2.weight': parameters['second']}, x
        )
        return sign * (out - y).square().mean()

    found = largest_eigenvalue(loss, parameters, torch.Generator().manual_seed(0), 200)
    shapes = [p.shape for p in parameters.values()]

    def flat_loss(flat):
        parts = flat.split([shape.numel() for shape in shapes])
        named = zip(
            parameters, (p.view(s) for p, s in zip(parts, shapes, strict=True)), strict=True
        )
        return loss(dict(named))

    flat = torch.cat([p.detach().flatten() for p in parameters.values()])
    hessian = torch.autograd.functional.hessian(flat_loss, flat)
    assert found == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=0.01)


def test_a_loss_without_curvature_has_none():
    weight = torch.ones(2, requires_grad=True)
    assert largest_eigenvalue(lambda p: p['w'].sum(), {'w': weight}, torch.Generator()) == 0
