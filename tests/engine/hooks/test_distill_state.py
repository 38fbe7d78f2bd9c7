"""The student's own checkpoint: what it holds, that the test script takes it, its age."""

import json
import os

import pytest
import torch
from engine.taught_training import STUDENT, make_cfg, train, write_data

from posenas.cli.test import main as measure
from posenas.models import load_state
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.safe_load import load_checkpoint_file

HOOK = dict(type='DistillStateHook')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp('data'))


@pytest.fixture(scope='module', params=[False, True], ids=['last weights', 'averaged weights'])
def trained(request, data, tmp_path_factory):
    """A finished distillation of two epochs."""
    average = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.5)]
    hooks = [HOOK, *(average if request.param else [])]
    return train(make_cfg(data, tmp_path_factory.mktemp('work'), model={}, hooks=hooks))


def test_the_test_script_takes_the_student_and_finds_the_score_of_its_validation(
    trained, data, tmp_path
):
    config = tmp_path / 'plain.py'
    make_cfg(data, tmp_path).dump(config)
    student = os.path.join(trained.work_dir, 'student_best.pth')
    scores = tmp_path / 'scores.json'
    arguments = ['--work-dir', str(tmp_path), '--out-metrics', str(scores)]
    assert measure([str(config), student, *arguments]) == 0
    best = trained.message_hub.get_info('best_score')
    assert json.loads(scores.read_text())['PCK'] == pytest.approx(best, abs=1e-12)


def test_the_student_holds_the_weights_of_the_best_checkpoint(trained):
    best = load_checkpoint_file(trained.message_hub.get_info('best_ckpt'))
    student = load_checkpoint_file(os.path.join(trained.work_dir, 'student_best.pth'))
    assert load_state(MODELS.build(STUDENT), student, strict=True).is_exact
    for name, weight in student['state_dict'].items():
        assert torch.equal(weight, best['state_dict'][f'student.{name}'])
    assert student['meta']['dataset_meta']['keypoint_name2id']


def best_weights(runner):
    return torch.load(os.path.join(runner.work_dir, 'student_best.pth'))['state_dict']


def test_a_student_of_a_former_run_does_not_stay(data, tmp_path):
    first = best_weights(train(make_cfg(data, tmp_path, model={}, hooks=[HOOK], epochs=1)))
    options = dict(hooks=[HOOK], epochs=1, randomness=dict(seed=4))
    second = best_weights(train(make_cfg(data, tmp_path, model={}, **options)))
    assert not torch.equal(first['head.final_layer.weight'], second['head.final_layer.weight'])


def test_what_a_killed_predecessor_left_undone_is_done_at_the_start(data, tmp_path):
    runner = train(make_cfg(data, tmp_path, model={}, hooks=[HOOK], epochs=1))
    wanted = best_weights(runner)
    os.remove(tmp_path / 'student_best.pth')
    ended = train(make_cfg(data, tmp_path, model={}, hooks=[HOOK], epochs=1, resume=True))
    again = best_weights(ended)
    assert all(torch.equal(again[name], weight) for name, weight in wanted.items())


def test_the_teacher_is_scored_before_the_first_update(data, tmp_path):
    curves = dict(type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
    options = dict(hooks=[HOOK], epochs=1, visualizer=curves)
    runner = train(make_cfg(data, tmp_path, model=dict(val_teacher_first=True), **options))
    path = os.path.join(runner.log_dir, 'vis_data', 'scalars.json')
    with open(path, encoding='utf-8') as file:
        lines = [json.loads(line) for line in file]
    assert lines[0]['step'] == 0
    assert 0 <= lines[0]['teacher/PCK'] <= 1
    assert runner.message_hub.get_info('best_ckpt') is not None


@pytest.mark.parametrize('kind', ['DistillStateHook', 'EMATeacherHook'])
def test_hooks_of_distillations_refuse_other_models(kind, data, tmp_path):
    with pytest.raises(ConfigError, match=f'{kind} needs model.type=FPDDistiller'):
        train(make_cfg(data, tmp_path, hooks=[dict(type=kind)], epochs=1))
