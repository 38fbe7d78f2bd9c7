"""Losses against recorded values, and what they refuse."""

import numpy as np
import pytest
import torch

from posenas.models.losses import (
    CombinedTargetMSELoss,
    JointsMSELoss,
    KeypointMSELoss,
    KeypointOHKMMSELoss,
)
from posenas.registry import MODELS


@pytest.fixture(scope='module')
def golden(golden_dir):
    return {
        key: torch.from_numpy(value) if value.ndim else float(value)
        for key, value in np.load(golden_dir / 'pipeline' / 'loss.npz').items()
    }


@pytest.mark.parametrize(
    ('name', 'loss', 'weights'),
    [
        ('v1_mse_noweight', KeypointMSELoss(), None),
        ('v1_mse_binary', KeypointMSELoss(use_target_weight=True), 'weight_binary'),
        ('v1_mse_joint', KeypointMSELoss(use_target_weight=True), 'weight_joint'),
        ('v0_mse_joint', KeypointMSELoss(True, square_weight=True), 'weight_joint'),
        ('v0_mse_noweight', JointsMSELoss(), None),
        ('v0_mse_binary', JointsMSELoss(use_target_weight=True), 'weight_binary'),
        ('v0_mse_joint', JointsMSELoss(use_target_weight=True), 'weight_joint'),
        ('v1_ohkm8_binary', KeypointOHKMMSELoss(use_target_weight=True), 'weight_binary'),
        ('v1_ohkm8_joint', KeypointOHKMMSELoss(use_target_weight=True), 'weight_joint'),
        ('v0_ohkm8_binary', KeypointOHKMMSELoss(use_target_weight=True), 'weight_binary'),
        ('v0_ohkm8_joint', KeypointOHKMMSELoss(use_target_weight=True), 'weight_joint'),
    ],
)
@pytest.mark.parametrize('form', ['B K', 'B K 1'])
def test_loss_equals_the_recorded_one(golden, name, loss, weights, form):
    given = None if weights is None else golden[weights]
    if given is not None and form == 'B K 1':
        given = given[..., None]
    assert loss(golden['output'], golden['target'], given).item() == pytest.approx(
        golden[name], rel=1e-6
    )


def test_weights_are_ignored_unless_asked_for(golden):
    unused = KeypointMSELoss()(golden['output'], golden['target'], golden['weight_joint'])
    assert unused.item() == pytest.approx(golden['v1_mse_noweight'], rel=1e-6)


def test_skipping_empty_channels_drops_their_error_from_the_sum():
    output = torch.ones(1, 2, 4, 4)
    target = torch.zeros(1, 2, 4, 4)
    target[0, 0, 1, 1] = 1
    plain = KeypointMSELoss()(output, target)
    skipping = KeypointMSELoss(skip_empty_channel=True)(output, target)
    assert plain.item() == pytest.approx(31 / 32)
    assert skipping.item() == pytest.approx(15 / 32)


def combined_loss_of_each_keypoint(output, target, weights):
    """Reference: the sum over keypoints, written out."""
    total = 0.0
    num_keypoints = output.shape[1] // 3
    for k in range(num_keypoints):
        weight = weights[:, k, None, None]
        wanted_class = weight * target[:, 3 * k]
        total += 0.5 * ((weight * output[:, 3 * k] - wanted_class) ** 2).mean()
        for axis in (1, 2):
            error = wanted_class * output[:, 3 * k + axis] - wanted_class * target[:, 3 * k + axis]
            total += 0.5 * (error**2).mean()
    return total / num_keypoints


@pytest.mark.parametrize('use_target_weight', [True, False])
def test_combined_loss_is_the_mean_over_keypoints_of_class_and_offset_errors(use_target_weight):
    generator = torch.Generator().manual_seed(0)
    output, target = torch.randn(2, 2, 12, 8, 6, generator=generator)
    weights = torch.rand(2, 4, generator=generator)
    loss = CombinedTargetMSELoss(use_target_weight, loss_weight=2.0)(output, target, weights)
    used = weights if use_target_weight else torch.ones_like(weights)
    reference = 2 * combined_loss_of_each_keypoint(output, target, used)
    assert loss.item() == pytest.approx(reference.item(), rel=1e-5)


@pytest.mark.parametrize(
    ('name', 'channels'),
    [
        ('KeypointMSELoss', 9),
        ('JointsMSELoss', 9),
        ('KeypointOHKMMSELoss', 9),
        ('JointsOHKMMSELoss', 9),
        ('CombinedTargetMSELoss', 27),
    ],
)
def test_loss_is_built_by_name_scales_and_vanishes_only_on_the_target(name, channels):
    generator = torch.Generator().manual_seed(1)
    target = torch.rand(2, channels, 6, 5, generator=generator) + 0.1
    output = (target + 0.1).requires_grad_()
    loss = MODELS.build(dict(type=name, use_target_weight=True, loss_weight=3.0))
    single = MODELS.build(dict(type=name, use_target_weight=True))
    weights = torch.ones(2, 9)
    value = loss(output, target, weights)
    assert value.item() == pytest.approx(3 * single(output, target, weights).item(), rel=1e-6)
    assert value.item() > 0
    value.backward()
    assert torch.isfinite(output.grad).all()
    assert loss(target, target, weights).item() == 0
    assert loss(output, target, torch.zeros(2, 9)).item() == 0


@pytest.mark.parametrize(
    ('loss', 'output', 'target', 'weights', 'message'),
    [
        (KeypointMSELoss(), (2, 9, 4, 4), (2, 9, 4, 5), None, 'target must have shape'),
        (KeypointMSELoss(True), (2, 9, 4, 4), (2, 9, 4, 4), None, 'target_weights must be given'),
        (KeypointMSELoss(True), (2, 9, 4, 4), (2, 9, 4, 4), (2, 8), 'target_weights must have'),
        (KeypointOHKMMSELoss(topk=10), (2, 9, 4, 4), (2, 9, 4, 4), None, 'topk must be at most'),
        (CombinedTargetMSELoss(), (2, 8, 4, 4), (2, 8, 4, 4), None, '3 heatmaps per keypoint'),
    ],
)
def test_wrong_shapes_are_refused(loss, output, target, weights, message):
    given = None if weights is None else torch.ones(weights)
    with pytest.raises(ValueError, match=message):
        loss(torch.zeros(output), torch.zeros(target), given)
