"""Distillation losses: recorded values, the blend, weights, alphas."""

import json
import math

import numpy as np
import pytest
import torch

from posenas.models import FPDLoss
from posenas.models.losses.distillation import KD_WEIGHTS, alpha_at
from posenas.utils import ConfigError

ALPHAS = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1)
CASES = ('single_output', 'four_stacks', 'fractional_weights', 'batch_one')
PUBLISHED = dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5)


@pytest.fixture(scope='module')
def golden(golden_dir):
    folder = golden_dir / 'fpd' / 'loss'
    expected = json.loads((folder / 'expected.json').read_text(encoding='utf-8'))
    return expected['cases'], np.load(folder / 'inputs.npz')


def total(losses):
    return sum(value for name, value in losses.items() if name.startswith('loss_'))


def draw_batch(num=4, num_joints=3, num_outputs=2, seed=0, dtype=torch.float64):
    """Outputs, targets, weights with unlabelled joints and half weights, the teacher's maps."""
    generator = torch.Generator().manual_seed(seed)
    maps = torch.rand(num_outputs + 2, num, num_joints, 6, 5, generator=generator, dtype=dtype)
    weights = torch.rand(num, num_joints, generator=generator, dtype=dtype).mul(3).floor() / 2
    return [m.clone().requires_grad_() for m in maps[2:]], maps[0], weights, maps[1]


def gradients(losses, outputs):
    return torch.stack(torch.autograd.grad(total(losses), outputs))


@pytest.mark.parametrize('blend', [True, False])
@pytest.mark.parametrize('weighted', [True, False])
@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_losses_and_gradients_are_the_recorded_ones(name, weighted, blend, dtype, golden):
    cases, arrays = golden
    student, teacher, target, weights = (
        torch.from_numpy(arrays[f'{name}/{key}']).to(dtype)
        for key in ('student', 'teacher', 'target', 'target_weight')
    )
    loss = FPDLoss(pose=dict(PUBLISHED, use_target_weight=weighted), blend=blend)
    for alpha in ALPHAS:
        wanted = cases[name][f'use_target_weight={weighted}'][str(float(alpha))]
        outputs = [maps.clone().requires_grad_() for maps in student]
        ours = loss(outputs, target, weights, teacher, alpha=alpha)
        assert ('loss_fpd' in ours) == (blend and 0 < alpha < 1)
        for part in ('pose_loss', 'kd_pose_loss'):
            assert ours[part].item() == pytest.approx(wanted[part], rel=1e-6)
            assert not ours[part].requires_grad
        assert total(ours).item() == pytest.approx(wanted['loss'], rel=1e-6)
        norms = [gradient.norm().item() for gradient in gradients(ours, outputs)]
        assert norms == pytest.approx(wanted['grad_norm_per_stack'], rel=1e-6)


@pytest.mark.parametrize('alpha', [0.1, 0.5, 0.9])
@pytest.mark.parametrize('kind', ['JointsMSELoss', 'KeypointMSELoss'])
def test_the_blend_is_both_terms_in_one(alpha, kind):
    outputs, targets, weights, teacher = draw_batch()
    settings = dict(pose=dict(type=kind, use_target_weight=True), output_weights=(0.3, 2))
    one, two = (
        FPDLoss(alpha, blend=blend, **settings)(outputs, targets, weights, teacher)
        for blend in (True, False)
    )
    assert total(one).item() == pytest.approx(total(two).item(), rel=1e-12)
    torch.testing.assert_close(gradients(one, outputs), gradients(two, outputs))


@pytest.mark.parametrize(
    'settings',
    [
        dict(kd=dict(PUBLISHED, loss_weight=1.0)),
        dict(kd=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
        dict(kd=dict(PUBLISHED, use_target_weight=False)),
        dict(kd_weight='union'),
        dict(pose=dict(type='KeypointMSELoss', use_target_weight=True, skip_empty_channel=True)),
        dict(pose=dict(type='KeypointOHKMMSELoss', use_target_weight=True, topk=2)),
        dict(blend=False),
    ],
    ids=str,
)
def test_terms_that_differ_are_not_blended(settings):
    outputs, targets, weights, teacher = draw_batch()
    losses = FPDLoss(0.3, **settings)(outputs, targets, weights, teacher)
    assert losses['loss_pose'].item() == pytest.approx(0.7 * losses['pose_loss'].item())
    assert losses['loss_kd'].item() == pytest.approx(0.3 * losses['kd_pose_loss'].item())


def test_joints_the_teacher_does_not_know_get_the_pose_term_alone():
    outputs, targets, weights, teacher = draw_batch()
    weights[:] = 1
    taught = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)
    losses = FPDLoss(0.5)(outputs, targets, weights, teacher, taught=taught)
    both = gradients(losses, outputs)
    pose = gradients(FPDLoss(0)(outputs, targets, weights, teacher), outputs)
    torch.testing.assert_close(both[:, :, 1], 0.5 * pose[:, :, 1])
    assert not torch.allclose(both[:, :, 0], 0.5 * pose[:, :, 0])


def test_weights_of_the_teacher_term_follow_labels_or_peaks():
    labels = torch.tensor([[1.0, 0.0, 0.5, 0.0]])
    peaks = torch.tensor([0.1, 0.7, 1.4, -0.3])
    teacher = torch.full((1, 4, 3, 2), -1.0)
    teacher[0, :, 1, 1] = peaks
    wanted = dict(
        gt=[1, 0, 0.5, 0],
        ones=[1, 1, 1, 1],
        teacher_conf=[0, 1, 1, 0],
        teacher_soft=[0.1, 0.7, 1, 0],
        union=[1, 1, 1, 0],
    )
    assert wanted.keys() == set(KD_WEIGHTS)
    for kind, values in wanted.items():
        ours = FPDLoss(kd_weight=kind, conf_thr=0.2).weigh(labels, teacher)
        torch.testing.assert_close(ours, torch.tensor([values], dtype=torch.float32))


def test_of_maps_with_offsets_the_class_map_tells_the_confidence():
    teacher = torch.zeros(1, 6, 3, 2)
    teacher[0, [0, 4], 1, 1] = 1.0  # class heatmap of keypoint 0, an offset heatmap of keypoint 1
    weights = FPDLoss(kd_weight='teacher_conf').weigh(torch.zeros(1, 2), teacher)
    assert weights.tolist() == [[1.0, 0.0]]


def test_with_ones_and_alpha_one_the_loss_ignores_labels():
    outputs, targets, weights, teacher = draw_batch()
    loss = FPDLoss(1.0, kd_weight='ones')
    first = gradients(loss(outputs, targets, weights, teacher), outputs)
    second = gradients(loss(outputs, targets + 1, weights * 0, teacher), outputs)
    assert torch.equal(first, second)
    assert first.abs().sum() > 0


def test_samples_without_weights_learn_from_a_confident_teacher():
    outputs, targets, weights, teacher = draw_batch()
    loss = FPDLoss(1.0, kd_weight='teacher_conf')
    gradient = gradients(loss(outputs, targets * 0, weights * 0, teacher), outputs)
    assert torch.isfinite(gradient).all()
    assert (gradient.abs().sum(dim=(0, 2, 3, 4)) > 0).all()


@pytest.mark.parametrize('kind', ['JointsMSELoss', 'KeypointOHKMMSELoss', 'CombinedTargetMSELoss'])
@pytest.mark.parametrize('kd_weight', ['gt', 'teacher_soft'])
def test_alpha_per_sample_is_the_mean_over_samples_of_their_own_losses(kind, kd_weight):
    outputs, targets, weights, teacher = draw_batch(num=5, num_joints=9)
    weights = weights[:, :3] if kind == 'CombinedTargetMSELoss' else weights
    alphas = [0.0, 0.5, 1.0, 0.5, 0.25]
    loss = FPDLoss(pose=dict(type=kind, use_target_weight=True), kd_weight=kd_weight)
    together = loss(outputs, targets, weights, teacher, alpha=torch.tensor(alphas))
    alone = [
        loss(
            [m[i : i + 1] for m in outputs], *(x[i : i + 1] for x in (targets, weights, teacher)), a
        )
        for i, a in enumerate(alphas)
    ]
    mean = sum(total(losses) for losses in alone) / len(alphas)
    assert total(together).item() == pytest.approx(mean.item(), rel=1e-12)
    wanted = torch.stack(torch.autograd.grad(mean, outputs))
    torch.testing.assert_close(gradients(together, outputs), wanted)


def test_one_alpha_for_all_samples_is_one_alpha():
    batch = draw_batch()
    loss = FPDLoss()
    same = loss(*batch, alpha=[0.5] * 4)
    assert torch.equal(gradients(same, batch[0]), gradients(loss(*batch), batch[0]))


def test_half_precision_maps_are_compared_in_float32_whatever_the_context():
    outputs, targets, weights, teacher = draw_batch(dtype=torch.float32)
    half = [maps.detach().bfloat16().requires_grad_() for maps in outputs]
    loss = FPDLoss(0.5)
    with torch.autocast('cpu', torch.bfloat16):
        losses = loss(half, targets, weights, teacher)
    wanted = loss([maps.detach().float() for maps in half], targets, weights, teacher)
    assert losses['loss_fpd'].dtype is torch.float32
    assert torch.equal(losses['loss_fpd'], wanted['loss_fpd'])


def test_parts_that_only_the_log_needs_can_be_left_out():
    batch = draw_batch()
    assert FPDLoss()(*batch, with_parts=False).keys() == {'loss_fpd'}
    losses = FPDLoss(kd_weight='ones')(*batch, with_parts=False)
    assert losses.keys() == {'loss_pose', 'loss_kd', 'pose_loss', 'kd_pose_loss'}


@pytest.mark.parametrize(
    ('alpha', 'wanted'),
    [
        (0.3, [0.3] * 4),
        (dict(start=0, end=0.8, epochs=4), [0, 0.2, 0.4, 0.6, 0.8, 0.8]),
        (dict(start=1, end=0, epochs=2, curve='linear'), [1, 0.5, 0, 0]),
        (
            dict(start=0, end=1, epochs=4, curve='cosine'),
            [0, 0.5 - math.sqrt(2) / 4, 0.5, 0.5 + math.sqrt(2) / 4, 1, 1],
        ),
    ],
    ids=str,
)
def test_alpha_follows_its_schedule(alpha, wanted):
    assert [alpha_at(alpha, epoch) for epoch in range(len(wanted))] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ('settings', 'error', 'words'),
    [
        (dict(alpha=1.5), ValueError, 'alpha'),
        (dict(alpha=dict(start=0, end=2, epochs=1)), ValueError, 'alpha.end'),
        (dict(alpha=dict(start=0, end=1)), ConfigError, 'epochs'),
        (dict(alpha=dict(start=0, end=1, epochs=0)), ValueError, 'alpha.epochs'),
        (dict(alpha=dict(start=0, end=1, epochs=2, curve='step')), ValueError, 'alpha.curve'),
        (dict(kd_weight='all'), ValueError, 'kd_weight'),
        (
            dict(kd_weight='ones', pose=dict(type='JointsMSELoss')),
            ConfigError,
            'use_target_weight=True',
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        FPDLoss(**settings)


def test_output_weights_of_other_outputs_are_refused():
    with pytest.raises(ConfigError, match='each of the 2 outputs'):
        FPDLoss(output_weights=[1.0])(*draw_batch())


def test_alphas_of_other_samples_are_refused():
    with pytest.raises(ValueError, match=r'alpha must have shape \(4\)'):
        FPDLoss()(*draw_batch(), alpha=[0.5, 1.0])
