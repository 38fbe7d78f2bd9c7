"""Further losses of distillations against their formulas."""

import pytest
import torch
from registry_cases import noise
from torch import nn

from posenas.models import FeatureDistill, HeatmapKL, LogitDistill, SelfDistillHead
from posenas.models.losses.extensions import Lesson, tap
from posenas.utils import ConfigError


def make_lesson(student=None, teacher=None, maps=None, weights=None, done=0.0):
    outputs, wanted = maps or ([], [])
    weights = torch.ones(2, 3) if weights is None else weights
    return Lesson(outputs, wanted, weights, student or {}, teacher or {}, done)


def divergence(own, wanted):
    """Kullback-Leibler divergence, written out."""
    own, wanted = own.softmax(-1), wanted.softmax(-1)
    return (wanted * (wanted / own).log()).sum(-1)


def test_features_differ_by_squares_summed_over_the_batch_size():
    one, two = noise(2, 4, 3, 3), noise(2, 4, 3, 3, seed=1)
    extension = FeatureDistill('a', 'b', weight=0.5)
    loss = extension(make_lesson(dict(a=one), dict(b=two)))['loss_feature']
    assert loss.item() == pytest.approx(0.5 * ((one - two) ** 2).sum().item() / 2, rel=1e-5)


def test_the_last_of_several_features_counts_and_sizes_may_differ():
    features = (noise(2, 4, 3, 3), torch.full((2, 4, 2, 2), 0.5))
    teacher = torch.full((2, 4, 5, 3), 1.5)
    loss = FeatureDistill('a', 'b', weight=1)(make_lesson(dict(a=features), dict(b=teacher)))
    assert loss['loss_feature'].item() == pytest.approx(4 * 5 * 3)


def test_an_adapter_bridges_channels_and_learns():
    extension = FeatureDistill('a', 'b', student_channels=4, teacher_channels=6)
    lesson = make_lesson(dict(a=noise(2, 4, 3, 3)), dict(b=noise(2, 6, 3, 3)))
    extension(lesson)['loss_feature'].backward()
    assert extension.adapter.weight.grad.abs().sum() > 0
    with pytest.raises(ConfigError, match='a gives 4 channels and b of the teacher 6'):
        FeatureDistill('a', 'b')(lesson)
    with pytest.raises(ConfigError, match='given together'):
        FeatureDistill('a', 'b', student_channels=4)


@pytest.mark.parametrize('use_target_weight', [False, True])
def test_logits_diverge_over_bins_of_both_axes(use_target_weight):
    student, teacher = ([noise(2, 3, bins, seed=s + bins) for bins in (8, 6)] for s in (0, 9))
    weights = torch.tensor([[1.0, 0.0, 0.5], [1.0, 1.0, 0.0]])
    lesson = make_lesson(dict(head=student), dict(head=teacher), weights=weights)
    extension = LogitDistill(beta=2.0, weight=0.1, use_target_weight=use_target_weight)
    per_joint = sum(divergence(2 * s, 2 * t) for s, t in zip(student, teacher, strict=True))
    wanted = per_joint * weights if use_target_weight else per_joint
    loss = extension(lesson)['loss_logit']
    assert loss.item() == pytest.approx(0.1 * wanted.sum().item() / (2 * 3), rel=1e-5)


def test_maps_diverge_as_distributions_over_cells():
    one, two = noise(2, 3, 4, 5), noise(2, 3, 4, 5, seed=1)
    weights = torch.tensor([[1.0, 0.0, 0.5], [1.0, 1.0, 0.0]])
    loss = HeatmapKL(tau=2.0, weight=0.3)(make_lesson(maps=([one], [two]), weights=weights))
    per_joint = divergence(one.flatten(2) / 2, two.flatten(2) / 2) * weights
    assert loss['loss_kl'].item() == pytest.approx(0.3 * 4 * per_joint.mean().item(), rel=1e-5)


def test_maps_that_agree_do_not_diverge():
    maps = [noise(2, 3, 4, 5), noise(2, 3, 2, 2)]
    assert HeatmapKL()(make_lesson(maps=(maps, maps)))['loss_kl'].item() == pytest.approx(0)


@pytest.mark.parametrize(('done', 'factor'), [(0.0, 1.0), (0.25, 0.75), (1.0, 0.0)])
def test_losses_fade_in_the_course_of_the_training(done, factor):
    features = dict(a=noise(2, 4, 3, 3)), dict(b=noise(2, 4, 3, 3, seed=1))
    whole = FeatureDistill('a', 'b')(make_lesson(*features))['loss_feature']
    faded = FeatureDistill('a', 'b', decay=True)(make_lesson(*features, done=done))
    assert faded['loss_feature'].item() == pytest.approx(factor * whole.item())


def test_a_tap_keeps_first_outputs_and_leaves_nothing_behind():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    with tap(model, ['0']) as outputs:
        model(torch.ones(1, 2))
        first = outputs['0'].clone()
        model(torch.zeros(1, 2))
    assert torch.equal(outputs['0'], first)
    assert not model[0]._forward_hooks
    with pytest.raises(ConfigError, match="'2'"), tap(model, ['0', '2']):
        pass
    assert not model[0]._forward_hooks


def test_a_fresh_head_needs_the_network_of_its_teacher():
    class Network(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.backbone, self.neck = nn.Linear(2, width), None

    SelfDistillHead().start(Network(3), Network(3))
    for teacher in (Network(4), None):
        with pytest.raises(ConfigError, match='backbone of the student'):
            SelfDistillHead().start(Network(3), teacher)
