"""A training that is interrupted anywhere and resumed ends as if it had never been."""

import signal
from functools import cache
from pathlib import Path

import pytest
import torch
from engine.toy_training import (
    largest_difference,
    logged,
    make_cfg,
    start,
    train,
    weights,
)

from posenas.utils.checkpoint import find_latest_checkpoint

WARM_UP = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=7)
STEPS = dict(type='MultiStepLR', milestones=[1, 2], by_epoch=True)
COSINE = dict(type='CosineAnnealingLR', T_max=3, by_epoch=True, convert_to_iter_based=True)
PLATEAU = dict(type='ReduceOnPlateauLR', monitor='score', rule='greater', patience=1)
SGD = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-3)

#: Each trains 15 iterations: three epochs of five batches.
COMBINATIONS = {
    'epochs': dict(),
    'iterations': dict(by_epoch=False),
    'iterations of a finite sampler': dict(by_epoch=False, sampler='DefaultSampler'),
    'uneven batches': dict(batch=3, length=14),
    'sgd with warm-up and steps': dict(optimizer=SGD, schedulers=[WARM_UP, STEPS]),
    'cosine': dict(schedulers=[COSINE]),
    'plateau': dict(schedulers=[PLATEAU]),
    'average': dict(ema='ExponentialMovingAverage'),
    'average with momentum': dict(ema='ExpMomentumEMA'),
    'accumulation': dict(accumulate=2),
    'accumulation over iterations': dict(accumulate=4, by_epoch=False, val_interval=3),
    'bfloat16': dict(amp=True),
    'everything': dict(
        ema='ExpMomentumEMA', accumulate=2, amp=True, optimizer=SGD, schedulers=[WARM_UP, STEPS]
    ),
    'everything over iterations': dict(
        ema='ExpMomentumEMA', accumulate=3, amp=True, by_epoch=False, schedulers=[WARM_UP]
    ),
}


@cache
def uninterrupted(name, folder, workers=0):
    """Train the combination once, with a checkpoint after every update."""
    runner = train(
        make_cfg(Path(folder, name, str(workers)), workers=workers, **COMBINATIONS[name])
    )
    return weights(runner), logged(runner), runner.work_dir


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return str(tmp_path_factory.mktemp('uninterrupted'))


def checkpoints(work_dir):
    return {int(path.stem[5:]): str(path) for path in Path(work_dir).glob('iter_*.pth')}


def assert_resumes_exactly(name, iteration, folder, tmp_path, workers=0):
    end, lines, work_dir = uninterrupted(name, folder, workers)
    runner = train(
        make_cfg(
            tmp_path,
            load_from=checkpoints(work_dir)[iteration],
            resume=True,
            workers=workers,
            **COMBINATIONS[name],
        )
    )
    assert largest_difference(weights(runner), end) == 0
    resumed = logged(runner)
    assert resumed == lines[len(lines) - len(resumed) :]
    trained = [line for line in resumed if 'loss' in line]
    assert len(trained) == sum('loss' in line and line['iter'] > iteration for line in lines)


@pytest.mark.parametrize(
    ('name', 'iteration'),
    [
        ('epochs', 3),
        ('epochs', 5),
        ('iterations', 7),
        ('iterations of a finite sampler', 8),
        ('plateau', 10),
        ('accumulation over iterations', 12),
        ('everything', 7),
        ('everything', 10),
        ('everything over iterations', 6),
    ],
)
def test_a_training_resumed_in_the_middle_ends_the_same(name, iteration, folder, tmp_path):
    assert_resumes_exactly(name, iteration, folder, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('name', 'workers'),
    [(name, 0) for name in COMBINATIONS]
    + [(name, 2) for name in ('epochs', 'iterations', 'everything', 'everything over iterations')],
)
def test_a_training_resumed_at_any_update_ends_the_same(name, workers, folder, tmp_path):
    *_, work_dir = uninterrupted(name, folder, workers)
    accumulate = COMBINATIONS[name].get('accumulate', 1)
    assert len(checkpoints(work_dir)) >= 15 // accumulate
    for iteration in checkpoints(work_dir):
        assert_resumes_exactly(name, iteration, folder, tmp_path / str(iteration), workers)


def test_the_comparison_notices_other_random_numbers(folder, tmp_path):
    end, lines, _ = uninterrupted('epochs', folder)
    other = train(make_cfg(tmp_path, seed=4))
    assert largest_difference(weights(other), end) > 1e-3
    assert logged(other) != lines


@pytest.mark.parametrize('by_epoch', [True, False])
def test_weights_do_not_depend_on_the_number_of_workers(by_epoch, folder, tmp_path):
    name = 'epochs' if by_epoch else 'iterations'
    end, lines, _ = uninterrupted(name, folder)
    runner = train(make_cfg(tmp_path, workers=2, **COMBINATIONS[name]))
    assert largest_difference(weights(runner), end) == 0
    assert logged(runner) == lines


@pytest.mark.slow
@pytest.mark.parametrize('workers', [1, 4])
@pytest.mark.parametrize('start_method', ['fork', 'spawn'])
def test_weights_do_not_depend_on_how_workers_start(workers, start_method, folder, tmp_path):
    end, *_ = uninterrupted('epochs', folder)
    options = dict(workers=workers, env_cfg=dict(mp_cfg=dict(mp_start_method=start_method)))
    assert run(tmp_path, options) == 0
    assert largest_difference(torch.load(tmp_path / 'final.pth'), end) == 0


def test_checkpoints_are_written_between_accumulations_only(folder):
    *_, work_dir = uninterrupted('everything', folder)
    assert sorted(checkpoints(work_dir)) == [2, 4, 5, 7, 9, 10, 12, 14, 15]


def run(work_dir, options):
    """Train in another process and return its exit code."""
    process = start(work_dir, options)
    process.join(300)
    return process.exitcode


@pytest.mark.parametrize(('at', 'workers'), [(7, 2)])
def test_a_killed_training_resumes_from_what_it_left(at, workers, folder, tmp_path):
    kill_and_resume('everything', at, workers, folder, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['epochs', 'iterations', 'everything'])
@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('at', [1, 4, 5, 14])
def test_a_training_killed_anywhere_resumes(name, at, workers, folder, tmp_path):
    kill_and_resume(name, at, workers, folder, tmp_path)


def kill_and_resume(name, at, workers, folder, tmp_path):
    end, *_ = uninterrupted(name, folder)
    options = dict(COMBINATIONS[name], workers=workers)
    options.update(interval=3, keep=1)
    killer = dict(type='SignalSelfHook', at=at, signum=int(signal.SIGKILL))
    assert run(tmp_path, dict(options, hooks=[killer])) == -signal.SIGKILL
    resumed = train(make_cfg(tmp_path, resume=True, **options))
    assert largest_difference(weights(resumed), end) == 0


def test_resuming_a_finished_training_changes_nothing(folder, tmp_path):
    end, *_ = uninterrupted('epochs', folder)
    first = train(make_cfg(tmp_path))
    again = train(make_cfg(tmp_path, resume=True))
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'iter_15.pth')
    assert largest_difference(weights(first), end) == 0
    assert largest_difference(weights(again), end) == 0


def test_a_validation_lost_to_a_kill_is_made_up_for(tmp_path):
    straight = train(make_cfg(tmp_path / 'a', save_by_epoch=True))
    options = dict(
        save_by_epoch=True,
        hooks=[dict(type='SignalSelfHook', at=10, signum=int(signal.SIGKILL), stage='val')],
    )
    assert run(tmp_path / 'b', options) == -signal.SIGKILL
    resumed = train(make_cfg(tmp_path / 'b', save_by_epoch=True, resume=True))
    scores = [
        [line['score'] for line in logged(run) if 'score' in line] for run in (straight, resumed)
    ]
    assert len(scores[0]) == 3
    assert scores[1][-2:] == scores[0][1:]  # runs of one second share a log
