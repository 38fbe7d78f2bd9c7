"""Distillers: recorded steps, what stays untouched, unlabelled samples, and what is refused."""

import copy
import json
import math

import numpy as np
import pytest
import torch
from golden.fpd_records import calibrate
from golden.records import compare_norms, gradient_norms
from golden.seeded import draw_input, draw_state_dict, load_manifest
from mmengine.logging import MessageHub
from registry_cases import TINY_BACKBONE, TINY_HEAD, TINY_MODEL, noise, pose_samples

from posenas.models import FPDDistiller, Hourglass
from posenas.models.estimators.teacher import FrozenTeacher
from posenas.models.losses.extensions import Lesson
from posenas.registry import MODELS
from posenas.utils import CheckpointError, ConfigError
from posenas.utils.timing import count_saved_bytes

STEP_SHAPE = (2, 3, 128, 128)
PUBLISHED = dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5)
WEIGHTED_HEAD = dict(TINY_HEAD, loss=PUBLISHED)
WEIGHTED_MODEL = dict(TINY_MODEL, head=WEIGHTED_HEAD)


@pytest.fixture(scope='module')
def teacher_file(tmp_path_factory):
    """Weights of a small teacher whose heatmaps rise above the threshold of confidence."""
    torch.manual_seed(1)
    model = MODELS.build(WEIGHTED_MODEL)
    torch.nn.init.normal_(model.head.final_layer.weight, std=0.5)
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return str(path)


@pytest.fixture
def make(teacher_file):
    """Build a distiller in training mode."""

    def build(**settings):
        torch.manual_seed(0)
        defaults = dict(
            student=WEIGHTED_MODEL, teacher=WEIGHTED_MODEL, teacher_checkpoint=teacher_file
        )
        distiller = FPDDistiller(**{**defaults, **settings})
        distiller.init_weights()
        return distiller.train()

    return build


def batch(unlabelled=(), num=4):
    """Images (num, 3, 64, 48) and samples, some of them without labels."""
    samples = pose_samples(num)
    for index in unlabelled:
        samples[index].set_metainfo(dict(labelled=False))
        samples[index].gt_fields.heatmaps.zero_()
        samples[index].gt_instance_labels.keypoint_weights.zero_()
    return noise(num, 3, 64, 48), samples


def step(model, inputs, samples):
    """Compute the loss and the gradients of a model whose batch norms see each image alone."""
    model.zero_grad()
    loss, logged = model.parse_losses(model(inputs, samples, mode='loss'))
    loss.backward()
    grads = {name.removeprefix('student.'): p.grad for name, p in model.named_parameters()}
    return loss.item(), grads, logged


def freeze_norms(model):
    """Let batch norms treat each image by itself."""
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    return model


@pytest.fixture(scope='module')
def recorded(golden_dir):
    """A distiller as recorded, a batch and the expectations."""
    folder = golden_dir / 'fpd' / 'fpd_step'
    arrays = np.load(folder / 'inputs.npz')
    head = dict(type='StackedHourglassHead', out_channels=16, loss=PUBLISHED)
    manifest = load_manifest(golden_dir / 'fpd' / 'hourglass_s4_f128_mpii_256x256')
    student = dict(type='TopdownPoseEstimator', backbone=dict(type='Hourglass'), head=head)
    large = dict(student, backbone=dict(type='Hourglass', num_stacks=2, num_features=256))
    distiller = FPDDistiller(student).double()
    distiller.student.backbone.load_state_dict(draw_state_dict(manifest))
    teacher = MODELS.build(large).double()
    teacher_manifest = json.loads((folder / 'teacher_manifest.json').read_text(encoding='utf-8'))
    teacher.backbone.load_state_dict(draw_state_dict(teacher_manifest))
    calibrate(teacher.backbone, draw_input(STEP_SHAPE, 1).double())
    distiller.teachers.add(FrozenTeacher(teacher))
    samples = pose_samples(2, 16, (32, 32))
    for i, sample in enumerate(samples):
        sample.gt_fields.heatmaps = torch.from_numpy(arrays['target'][i]).double()
        weights = torch.from_numpy(arrays['target_weight'][i].T).double()
        sample.gt_instance_labels.keypoint_weights = weights
    expected = json.loads((folder / 'expected.json').read_text(encoding='utf-8'))['alpha']
    return distiller.train(), draw_input(STEP_SHAPE, 0).double(), samples, expected


@pytest.mark.parametrize('alpha', ['0.0', '0.5', '1.0'])
def test_a_step_is_the_recorded_one(alpha, recorded):
    distiller, inputs, samples, expected = recorded
    distiller.loss_module.alpha, distiller.log_interval = float(alpha), 1
    distiller.zero_grad()
    loss, logged = distiller.parse_losses(distiller(inputs, samples, mode='loss'))
    loss.backward()
    wanted = expected[alpha]
    for name in ('loss', 'pose_loss', 'kd_pose_loss'):
        assert logged[name].item() == pytest.approx(wanted[name], rel=1e-6), name
    norms = gradient_norms(distiller.student.backbone)
    assert compare_norms(norms, wanted['grad_norm']) <= 1e-6
    assert isinstance(distiller.backbone, Hourglass)


@pytest.mark.parametrize('loss', [PUBLISHED, dict(type='KeypointMSELoss', use_target_weight=True)])
def test_alpha_zero_gives_the_gradients_of_plain_training_to_the_bit(loss, make):
    student = dict(TINY_MODEL, head=dict(TINY_HEAD, loss=loss))
    distiller = make(student=student, loss=dict(type='FPDLoss', alpha=0.0))
    plain = copy.deepcopy(distiller.student)
    inputs, samples = batch()
    samples[1].gt_instance_labels.keypoint_weights[0, ::2] = 0
    value, ours, _ = step(distiller, inputs, samples)
    wanted_value, wanted, _ = step(plain, inputs, samples)
    assert value == wanted_value
    assert all(torch.equal(ours[name], wanted[name]) for name in wanted)


def test_alpha_one_with_equal_weights_does_not_look_at_labels(make):
    distiller = make(loss=dict(type='FPDLoss', alpha=1.0, kd_weight='ones'))
    inputs, samples = batch()
    value, ours, _ = step(distiller, inputs, samples)
    for sample in samples:
        sample.gt_fields.heatmaps += 1
        sample.gt_instance_labels.keypoint_weights *= 0
    other, theirs, _ = step(distiller, inputs, samples)
    assert value == other
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_step_leaves_the_teacher_as_it_was(make):
    distiller = make()
    model = distiller.teachers.members[0].model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    distiller.train()
    step(distiller, *batch())
    assert not model.training
    assert all(p.grad is None and not p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_nothing_that_walks_over_the_model_meets_the_teacher(make):
    distiller = make()
    teacher = distiller.teachers.members[0].model
    foreign = {id(p) for p in teacher.parameters()} | {id(b) for b in teacher.buffers()}
    assert foreign.isdisjoint(id(p) for p in distiller.parameters())
    assert foreign.isdisjoint(id(b) for b in distiller.buffers())
    assert all(name.startswith('student.') for name in distiller.state_dict())
    assert copy.deepcopy(distiller).teachers is distiller.teachers


def test_the_teacher_follows_to_other_precisions_and_stays_in_evaluation(make):
    distiller = make().double().train()
    teacher = distiller.teachers.members[0]
    assert {p.dtype for p in teacher.parameters()} == {torch.float64}
    assert not any(module.training for module in teacher.modules())


@pytest.mark.parametrize('labels', ['all', 'none'])
@pytest.mark.parametrize('num_stages', [1, 3])
def test_the_backward_pass_keeps_the_tensors_of_the_student_alone(num_stages, labels, make):
    head = dict(WEIGHTED_HEAD, type='PoseNASHead', num_stages=num_stages)
    for key in ('deconv_out_channels', 'deconv_kernel_sizes'):
        del head[key]
    backbone = dict(TINY_BACKBONE, out_indices=(1,) * num_stages)
    distiller = make(student=dict(WEIGHTED_MODEL, head=head, backbone=backbone))
    plain = copy.deepcopy(distiller.student)
    inputs, samples = batch(unlabelled=() if labels == 'all' else range(4))
    taught, alone = (
        count_saved_bytes(lambda model=model: model(inputs, samples, mode='loss'))
        for model in (distiller, plain)
    )
    assert taught == alone > 0


def test_predictions_are_those_of_the_student(make):
    distiller = make().eval()
    inputs, samples = batch()
    ours = distiller(inputs, samples, mode='predict')
    wanted = distiller.student(inputs, pose_samples(4), mode='predict')
    for one, two in zip(ours, wanted, strict=True):
        assert np.array_equal(one.pred_instances.keypoints, two.pred_instances.keypoints)
    assert torch.equal(distiller(inputs), distiller.student(inputs))


def test_a_batch_without_any_label_teaches(make):
    value, grads, _ = step(make(), *batch(unlabelled=range(4)))
    assert value > 0
    assert math.isfinite(value)
    assert all(torch.isfinite(grad).all() for grad in grads.values())
    assert sum(grad.abs().sum() for grad in grads.values()) > 0


def test_a_mixed_batch_is_the_weighted_sum_of_its_parts(make):
    distiller = freeze_norms(make(loss=dict(type='FPDLoss', alpha=0.3)).double())
    inputs, samples = batch(unlabelled=(1, 3, 4), num=5)
    inputs = inputs.double()
    for sample in samples:
        sample.gt_fields.heatmaps = sample.gt_fields.heatmaps.double()
        labels = sample.gt_instance_labels
        labels.keypoint_weights = labels.keypoint_weights.double()
    value, grads, _ = step(distiller, inputs, samples)
    parts = [([0, 2], 0.4), ([1, 3, 4], 0.6)]
    results = [(w, *step(distiller, inputs[i], [samples[j] for j in i])) for i, w in parts]
    assert value == pytest.approx(sum(weight * part for weight, part, *_ in results), rel=1e-9)
    for name, grad in grads.items():
        torch.testing.assert_close(grad, sum(w * g[name] for w, _, g, _ in results))
    assert set(results[0][3]) == {'loss', 'loss_fpd', 'acc_pose'}
    assert set(results[1][3]) == {'loss', 'loss_kd', 'kd_pose_loss', 'acc_pose'}


def test_the_log_holds_both_parts_at_its_interval_and_the_loss_sums_neither(make):
    distiller = make(log_interval=3)
    hub = MessageHub.get_current_instance()
    before = hub.get_info('iter')
    try:
        names = []
        for iteration in range(6):
            hub.update_info('iter', iteration)
            losses = distiller(*batch(), mode='loss')
            total, logged = distiller.parse_losses(losses)
            assert total.item() == losses['loss_fpd'].item()
            names.append('pose_loss' in logged and 'kd_pose_loss' in logged)
    finally:
        hub.update_info('iter', before or 0)
    assert names == [False, False, True] * 2


def test_alpha_follows_the_epoch_of_the_training(make):
    distiller = make(loss=dict(type='FPDLoss', alpha=dict(start=0, end=1, epochs=2)))
    hub = MessageHub.get_current_instance()
    before = hub.get_info('epoch')
    try:
        kinds = []
        for epoch in range(3):
            hub.update_info('epoch', epoch)
            losses = distiller(*batch(), mode='loss')
            kinds.append([name for name in losses if name.startswith('loss_')])
    finally:
        hub.update_info('epoch', before or 0)
    assert kinds == [['loss_pose'], ['loss_fpd'], ['loss_kd']]


def test_several_teachers_teach_their_weighted_mean(make, teacher_file):
    alone = make()
    both = make(
        teacher=[WEIGHTED_MODEL] * 2, teacher_checkpoint=[teacher_file] * 2, teacher_weights=[3, 1]
    )
    second = both.teachers.members[1].model.head.final_layer
    torch.nn.init.zeros_(second.weight)
    torch.nn.init.ones_(second.bias)
    inputs, samples = batch()
    lone = alone._teach(inputs, samples, 17, ())[0]
    torch.testing.assert_close(both._teach(inputs, samples, 17, ())[0], 0.75 * lone + 0.25)


def test_the_teacher_averages_with_the_mirrored_image_as_in_the_flip_test(make):
    model = dict(WEIGHTED_MODEL, test_cfg=dict(flip_test=True, shift_heatmap=True))
    distiller = make(teacher=model, teacher_flip_test=True)
    teacher = distiller.teachers.members[0].model
    inputs, samples = batch()
    order = [0, *range(16, 0, -1)]
    for sample in samples:
        sample.set_metainfo(dict(flip_indices=order))
    teacher.test_cfg['output_heatmaps'] = True
    wanted = teacher(inputs, samples, mode='predict')
    maps = distiller._teach(inputs, samples, 17, ())[0]
    for ours, sample in zip(maps, wanted, strict=True):
        torch.testing.assert_close(ours, sample.pred_fields.heatmaps)


@pytest.mark.parametrize(('amp', 'tolerance'), [('bfloat16', 3e-2), ('float16', 5e-3)])
def test_a_teacher_in_lower_precision_teaches_nearly_the_same(amp, tolerance, make):
    inputs, samples = batch()
    plain = make(teacher_amp='auto')._teach(inputs, samples, 17, ())[0]
    lower = make(teacher_amp=amp)._teach(inputs, samples, 17, ())[0]
    assert lower.dtype is torch.float32
    assert 0 < (plain - lower).abs().max() < tolerance * plain.abs().max()


def test_on_the_cpu_an_automatic_teacher_ignores_the_precision_of_the_student(make):
    distiller = make()
    inputs, samples = batch()
    plain = distiller._teach(inputs, samples, 17, ())[0]
    with torch.autocast('cpu', torch.bfloat16):
        inside = distiller._teach(inputs, samples, 17, ())[0]
        losses = distiller(inputs, samples, mode='loss')
    assert torch.equal(plain, inside)
    assert losses['loss_fpd'].dtype is torch.float32


def test_a_smaller_map_of_the_teacher_is_enlarged_to_the_student(make, tmp_path):
    backbone = dict(TINY_BACKBONE, channels=(8, 16, 16), out_indices=(2,))
    small = dict(WEIGHTED_MODEL, backbone=backbone)
    path = tmp_path / 'small.pth'
    torch.save(MODELS.build(small).state_dict(), path)
    distiller = make(teacher=small, teacher_checkpoint=str(path))
    inputs, samples = batch()
    assert distiller._teach(inputs, samples, 17, ())[0].shape == (4, 17, 8, 6)
    value, *_ = step(distiller, inputs, samples)
    assert math.isfinite(value)


def test_outputs_at_several_strides_learn_resized_targets(make, monkeypatch):
    distiller = make(loss=dict(type='FPDLoss', blend=False), log_interval=1)
    head = distiller.student.head
    plain = head.forward
    inputs, samples = batch()
    monkeypatch.setattr(head, 'forward', lambda f: [plain(f)[..., ::2, ::2], plain(f)])
    with pytest.raises(ConfigError, match='heatmap_size'):
        distiller(inputs, samples, mode='loss')
    head.output_strides = (8, 4)
    seen = []
    monkeypatch.setattr(
        distiller.loss_module.pose,
        'forward',
        lambda maps, wanted, weights: seen.append((maps.shape, wanted)) or maps.sum(),
    )
    distiller(inputs, samples, mode='loss')
    assert [shape[2:] for shape, _ in seen] == [(8, 6), (16, 12)] * 2
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    torch.testing.assert_close(seen[0][1], torch.nn.functional.avg_pool2d(targets, 2))


def test_a_teacher_of_other_joints_teaches_those_it_knows(make, tmp_path):
    other = dict(TINY_MODEL, head=dict(TINY_HEAD, out_channels=5))
    path = tmp_path / 'other.pth'
    model = MODELS.build(other)
    torch.nn.init.normal_(model.head.final_layer.weight, std=0.5)
    torch.save(model.state_dict(), path)
    settings = dict(teacher=other, teacher_checkpoint=str(path))
    pairs = [(0, 4), (16, 1)]
    distiller = make(**settings, joint_map=pairs, loss=dict(type='FPDLoss', alpha=1.0))
    inputs, samples = batch()
    maps = distiller._teach(inputs, samples, 17, ())[0]
    plain = model.eval()(inputs)
    assert torch.equal(maps[:, [0, 16]], plain[:, [4, 1]])
    assert not maps[:, 1:16].any()
    _, grads, _ = step(distiller, inputs, samples)
    per_joint = grads['head.final_layer.bias'].abs()
    assert (per_joint[[0, 16]] > 0).all()
    assert not per_joint[1:16].any()
    with pytest.raises(ConfigError, match='joint_map'):
        step(make(**settings), inputs, samples)


class RememberingCache(torch.nn.Module):
    """Keeps the heatmaps of one batch."""

    is_open = True

    def __init__(self):
        super().__init__()
        self.maps = None

    def get(self, data_samples):
        return self.maps

    def put(self, data_samples, maps):
        self.maps = maps + 1
        return maps


def test_a_cache_spares_the_teacher(make):
    distiller = make(loss=dict(type='FPDLoss', alpha=1.0), joint_map=[(0, 0), (3, 3)])
    distiller.cache = RememberingCache()
    first, *_ = step(distiller, *batch())
    distiller.teachers.members.clear()
    _, grads, _ = step(distiller, *batch())
    assert distiller.cache.maps is not None
    assert not grads['head.final_layer.bias'][1:3].any()
    assert step(distiller, *batch())[0] != first


def test_the_student_starts_from_its_checkpoint(make, tmp_path):
    model = MODELS.build(WEIGHTED_MODEL)
    path = tmp_path / 'student.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    ours = make(student_checkpoint=str(path)).student.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in model.state_dict().items())


def test_the_student_starts_as_in_plain_training(teacher_file):
    def build(cfg):
        torch.manual_seed(7)
        model = MODELS.build(cfg)
        model.init_weights()
        return model.state_dict(), torch.rand(())

    plain, after = build(WEIGHTED_MODEL)
    settings = dict(teacher=WEIGHTED_MODEL, teacher_checkpoint=teacher_file)
    taught, after_taught = build(dict(type='FPDDistiller', student=WEIGHTED_MODEL, **settings))
    assert all(torch.equal(taught[f'student.{name}'], value) for name, value in plain.items())
    assert torch.equal(after, after_taught)


def test_models_may_be_paths_of_configs(make, tmp_path):
    path = tmp_path / 'experiment.py'
    path.write_text(f'model = {WEIGHTED_MODEL!r}\n', encoding='utf-8')
    distiller = make(student=str(path), teacher=str(path))
    assert step(distiller, *batch())[0] > 0


@pytest.mark.parametrize(
    ('settings', 'error', 'words'),
    [
        (dict(teacher_checkpoint=None), ConfigError, 'teacher_checkpoint'),
        (dict(teacher=[WEIGHTED_MODEL] * 2), ConfigError, 'checkpoint'),
        (dict(teacher_weights=[1, 2]), ConfigError, 'weight'),
        (
            dict(teacher=dict(TINY_MODEL, head=dict(TINY_HEAD, out_channels=3))),
            CheckpointError,
            'keypoints',
        ),
        (dict(student_checkpoint='nowhere.pth'), CheckpointError, 'nowhere'),
        (dict(teacher_amp='int8'), ValueError, 'amp'),
        (dict(log_interval=0), ValueError, 'log_interval'),
        (dict(joint_map=[(0, 1), (0, 2)]), ConfigError, 'at most once'),
        (dict(joint_map=[(0, 1)], val_teacher_first=True), ConfigError, 'val_teacher_first'),
        (
            dict(student=TINY_MODEL | dict(head=TINY_HEAD | dict(loss=dict(type='JointsMSELoss')))),
            ConfigError,
            'use_target_weight=True',
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_settings_that_cannot_work_are_refused(settings, error, words, make):
    with pytest.raises(error, match=words):
        make(**settings)


def test_without_any_teacher_a_step_says_what_to_set():
    distiller = FPDDistiller(WEIGHTED_MODEL).train()
    with pytest.raises(ConfigError, match='EMATeacherHook'):
        distiller(*batch(), mode='loss')


def test_extensions_read_features_add_losses_and_learn(make):
    distiller = make(
        extensions=[
            dict(
                type='FeatureDistill',
                student_key='backbone',
                teacher_key='backbone.stages.0',
                student_channels=16,
                teacher_channels=8,
                weight=1e-3,
            ),
            dict(type='HeatmapKL', tau=2.0),
        ]
    )
    losses = distiller(*batch(unlabelled=[1]), mode='loss')
    assert {'loss_feature', 'loss_kl', 'loss_fpd', 'loss_kd'} <= losses.keys()
    _, grads, logged = step(distiller, *batch(unlabelled=[1]))
    assert grads['extensions.0.adapter.weight'].abs().sum() > 0
    terms = [value for name, value in logged.items() if name.startswith('loss_')]
    torch.testing.assert_close(logged['loss'], sum(terms))
    assert not any(module._forward_hooks for module in distiller.modules())


def test_extensions_weigh_joints_as_the_teacher_term_does(make, monkeypatch):
    distiller = make(extensions=[dict(type='HeatmapKL')])
    seen = []
    monkeypatch.setattr(
        distiller.extensions[0], 'forward', lambda lesson: seen.append(lesson) or {}
    )
    inputs, samples = batch(unlabelled=[1])
    samples[0].gt_instance_labels.keypoint_weights[0, 3] = 0
    distiller(inputs, samples, mode='loss')
    (lesson,) = seen
    assert isinstance(lesson, Lesson)
    assert lesson.weights[0].tolist() == [float(joint != 3) for joint in range(17)]
    peaks = lesson.teacher_maps[0][1].amax(dim=(1, 2))
    assert torch.equal(lesson.weights[1], (peaks > 0.2).float())
    assert lesson.weights[1].any()


def test_an_extension_that_reads_what_does_not_exist_is_refused(make):
    extension = dict(type='FeatureDistill', student_key='body', teacher_key='backbone')
    with pytest.raises(ConfigError, match="'body'"):
        step(make(extensions=[extension]), *batch())


def test_a_fresh_head_learns_on_the_frozen_network_of_its_teacher(make):
    distiller = make(extensions=[dict(type='SelfDistillHead')])
    student, teacher = distiller.student, distiller.teachers.members[0].model
    before = copy.deepcopy(student.state_dict())
    _, grads, _ = step(distiller, *batch())
    assert grads['head.final_layer.weight'].abs().sum() > 0
    trained = teacher.backbone.state_dict()
    for name, value in student.backbone.state_dict().items():
        assert torch.equal(value, trained[name])
        assert torch.equal(value, before[f'backbone.{name}'])
    assert not any(p.requires_grad for p in student.backbone.parameters())
    assert not torch.equal(student.head.final_layer.weight, teacher.head.final_layer.weight)
