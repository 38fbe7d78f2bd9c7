"""Losses of coordinates and of faces' heatmaps against their formulas."""

import math

import pytest
import torch

from posenas.models import AdaptiveWingLoss, SmoothL1Loss, SoftWingLoss, WingLoss


def wing(distance):
    near = 10 * math.log(1 + distance / 2)
    return near if distance < 10 else distance - (10 - 10 * math.log(1 + 10 / 2))


def soft_wing(distance):
    far = 20 * math.log(1 + distance / 0.5) + 2 - 20 * math.log(1 + 2 / 0.5)
    return distance if distance < 2 else far


def smooth(distance):
    return (distance**2 / 2 if distance < 1 else distance - 0.5) / 2  # the mean of x and y


@pytest.mark.parametrize(
    ('loss', 'formula'), [(WingLoss, wing), (SoftWingLoss, soft_wing), (SmoothL1Loss, smooth)]
)
def test_a_loss_of_one_coordinate_is_that_of_its_formula(loss, formula):
    for distance in (0.3, 1.5, 4.0, 25.0):
        output = torch.tensor([[[distance, 0.0]]])
        found = loss()(output, torch.zeros(1, 1, 2))
        assert float(found) == pytest.approx(formula(distance), rel=1e-5)


@pytest.mark.parametrize('loss', [SmoothL1Loss, WingLoss, SoftWingLoss])
def test_keypoints_of_weight_0_cost_nothing(loss):
    output, weights = torch.rand(2, 3, 2), torch.zeros(2, 3)
    assert float(loss(use_target_weight=True)(output, output + 1, weights)) == 0
    with pytest.raises(ValueError, match='target_weight must be given'):
        loss(use_target_weight=True)(output, output)


def test_the_adaptive_wing_loss_is_continuous_and_steeper_where_the_target_is_high():
    loss = AdaptiveWingLoss()
    for target in (0.0, 1.0):
        wanted = torch.full((1, 1, 1, 1), target)
        below, above = (float(loss(wanted + d, wanted)) for d in (0.49999, 0.50001))
        assert below == pytest.approx(above, rel=1e-3)
        exponent = 2.1 - target
        near = 14 * math.log(1 + 0.1**exponent)
        assert float(loss(wanted + 0.1, wanted)) == pytest.approx(near, rel=1e-4)


def test_outputs_and_targets_have_one_shape():
    with pytest.raises(ValueError, match='target'):
        SmoothL1Loss()(torch.zeros(2, 3, 2), torch.zeros(2, 3, 1))
