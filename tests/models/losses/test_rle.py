"""Residual log-likelihood estimation: a density, and the loss that it is part of."""

import math

import pytest
import torch

from posenas.models import RLELoss
from posenas.models.losses.rle import RealNVP


@pytest.fixture
def flow():
    torch.manual_seed(0)
    flow = RealNVP().double()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return flow


def test_the_density_integrates_to_1(flow):
    axis = torch.linspace(-20, 20, 161, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        mass = flow(grid).exp().sum() * (axis[1] - axis[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=0.01)


def test_names_are_those_of_the_release():
    names = list(RLELoss().state_dict())
    assert names[:5] == [
        *('flow_model.loc', 'flow_model.cov', 'flow_model.mask'),
        *('flow_model.s.0.0.weight', 'flow_model.s.0.0.bias'),
    ]
    assert len(names) == 3 + 2 * 6 * 6


@pytest.mark.parametrize('distribution', ['laplace', 'gaussian'])
def test_the_residual_loss_is_the_negative_likelihood_of_the_known_density_and_the_rest(
    distribution,
):
    torch.manual_seed(0)
    loss = RLELoss(True, q_distribution=distribution).double()
    points, logits, targets = torch.randn(3, 2, 5, 2, dtype=torch.float64)
    weights = torch.rand(2, 5, dtype=torch.float64)
    scale = logits.sigmoid()
    known = torch.distributions.Laplace(targets, scale)
    if distribution == 'gaussian':
        known = torch.distributions.Normal(targets, scale)
    error = (points - targets) / (scale + 1e-9)
    flow = loss.flow_model(error.view(-1, 2)).view(2, 5, 1)
    expected = (scale.log() - flow - known.log_prob(points)) * weights[..., None]
    found = loss(points, logits, targets, weights)
    assert found.item() == pytest.approx(expected.sum().item() / 2, rel=1e-6)


def test_without_residual_the_learnt_density_is_all():
    loss = RLELoss(residual=False, size_average=False)
    points = torch.zeros(1, 1, 2)
    found = loss(points, torch.zeros(1, 1, 2), points)
    expected = 2 * (math.log(0.5) - loss.flow_model(torch.zeros(1, 2)).item())
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match='q_distribution must be one of'):
        RLELoss(q_distribution='cauchy')
    with pytest.raises(ValueError, match='target_weight must be given'):
        RLELoss(True)(*torch.zeros(3, 1, 1, 2))
    with pytest.raises(ValueError, match='sigma must have shape'):
        RLELoss()(torch.zeros(1, 1, 2), torch.zeros(1, 1, 1), torch.zeros(1, 1, 2))
