"""Distillations through the runner: plain training as a special case, resuming, two processes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from engine.taught_training import make_cfg, train, train_in_two_processes, write_data

from posenas.apis import inference_topdown, init_model
from posenas.cli.test import main as measure

#: Everything that has a state or depends on progress.
EVERYTHING = dict(
    model=dict(
        loss=dict(type='FPDLoss', alpha=dict(start=0.2, end=0.8, epochs=2)),
        extensions=[
            dict(
                type='FeatureDistill',
                student_key='backbone.stages.0',
                teacher_key='backbone.stages.0',
                student_channels=8,
                teacher_channels=12,
                decay=True,
            )
        ],
        log_interval=2,
    ),
    hooks=[
        dict(type='EMATeacherHook', momentum=0.9, ramp_epochs=1),
        dict(type='DistillStateHook'),
    ],
)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp('data'))


def end_state(runner):
    """All weights at the end, those of an average among the teachers included."""
    model = runner.model
    state = {name: value.clone() for name, value in model.state_dict().items()}
    for number, teacher in enumerate(model.teachers.members):
        state |= {f'teacher{number}.{n}': v for n, v in teacher.model.state_dict().items()}
    return state


def assert_equal(first, second):
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


@pytest.mark.parametrize('amp', [False, True])
def test_alpha_zero_is_plain_training_to_the_bit(amp, data, tmp_path):
    wrapper = dict(type='AmpOptimWrapper', dtype='bfloat16') if amp else None
    options = dict(unlabelled=False, wrapper=wrapper)
    plain = train(make_cfg(data, tmp_path / 'plain', **options))
    model = dict(loss=dict(type='FPDLoss', alpha=0.0))
    taught = train(make_cfg(data, tmp_path / 'taught', model=model, **options))
    assert_equal(plain.model.state_dict(), taught.model.student.state_dict())
    weights = torch.cat([p.flatten() for p in plain.model.parameters()])
    assert torch.isfinite(weights).all()


@pytest.fixture(scope='module')
def uninterrupted(data, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('uninterrupted')
    return work_dir, end_state(train(make_cfg(data, work_dir, **EVERYTHING)))


def test_checkpoints_hold_student_and_what_is_trained_beside_it_alone(uninterrupted):
    work_dir, _ = uninterrupted
    state = torch.load(work_dir / 'iter_5.pth', weights_only=True)['state_dict']
    assert {name.split('.')[0] for name in state} == {'student', 'extensions'}
    (best,) = work_dir.glob('best_PCK_*.pth')
    assert 'ema_teacher' not in torch.load(best, weights_only=True)


@pytest.mark.parametrize('iteration', [3, 6])
def test_a_distillation_resumed_in_the_middle_ends_the_same(
    iteration, uninterrupted, data, tmp_path
):
    source = str(uninterrupted[0] / f'iter_{iteration}.pth')
    runner = train(make_cfg(data, tmp_path, load_from=source, resume=True, **EVERYTHING))
    assert_equal(end_state(runner), uninterrupted[1])


def test_two_processes_agree_and_resume_exactly(data, tmp_path):
    whole = train_in_two_processes(data, tmp_path / 'whole', **EVERYTHING)
    assert_equal(*whole)
    names = [path.name for path in Path(tmp_path, 'whole').glob('iter_*.pth')]
    assert 'iter_3.pth' in names
    source = str(tmp_path / 'whole' / 'iter_3.pth')
    resumed = train_in_two_processes(
        data, tmp_path / 'resumed', load_from=source, resume=True, **EVERYTHING
    )
    assert_equal(resumed[0], whole[0])
    assert_equal(resumed[1], whole[1])


def test_a_distilled_checkpoint_is_tested_and_predicts_without_its_teacher(
    uninterrupted, data, tmp_path
):
    config, scores = tmp_path / 'taught.py', tmp_path / 'scores.json'
    options = dict(teacher_checkpoint='nowhere.pth', extensions=EVERYTHING['model']['extensions'])
    make_cfg(data, tmp_path, model=options, hooks=EVERYTHING['hooks']).dump(config)
    path = str(uninterrupted[0] / 'iter_8.pth')
    assert measure([str(config), path, '--out-metrics', str(scores)]) == 0
    assert 0 <= json.loads(scores.read_text())['PCK'] <= 1
    model = init_model(config, path)
    picture = np.zeros((128, 96, 3), np.uint8)
    (person,) = inference_topdown(model, picture)
    assert person.pred_instances.keypoints.shape == (1, 17, 2)
