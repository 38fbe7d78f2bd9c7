"""Every schedule and every hook that a config may name resumes exactly, or is refused before."""

import copy

import mmcv.cnn  # noqa: F401  (registers a hook)
import pytest
import torch
from engine.toy_training import largest_difference, logged, make_cfg, train, weights
from mmengine.hooks import Hook
from mmengine.model import BaseAveragedModel
from mmengine.registry import HOOKS, MODELS, OPTIMIZERS, PARAM_SCHEDULERS
from torch import nn

from posenas.engine.training_state import read_scheduler
from posenas.utils import ConfigError
from posenas.utils.plain_data import to_plain

#: Kind of a schedule -> its arguments.
SCHEDULES = {
    'Constant': dict(factor=0.3, end=9),
    'CosineAnnealing': dict(T_max=7, eta_min=0.0001),
    'CosineRestart': dict(periods=[4, 9], restart_weights=[1, 0.5], eta_min=0.0001),
    'Exponential': dict(gamma=0.9),
    'Linear': dict(start_factor=0.1, end=9),
    'MultiStep': dict(milestones=[3, 8], gamma=0.5),
    'OneCycle': dict(eta_max=0.01, total_steps=20),
    'Poly': dict(power=0.9, eta_min=0.0001, end=15),
    'ReduceOnPlateau': dict(monitor='score', rule='greater', patience=1, factor=0.5),
    'Step': dict(step_size=4, gamma=0.5),
}
ENDINGS = ('LR', 'Momentum', 'ParamScheduler')
NAMES = sorted(n for n, k in PARAM_SCHEDULERS.module_dict.items() if k.__module__.startswith('mm'))
#: Scores of validations, with plateaus.
SCORES = [0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3, 0.4, 0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5]


def describe(name, **extra):
    """Return the config of the schedule ``name``."""
    kind, ending = next((name.removesuffix(e), e) for e in ENDINGS if name.endswith(e))
    general = dict(param_name='lr') if ending == 'ParamScheduler' else {}
    return dict(type=name, **SCHEDULES[kind], **general, **extra)


def build(name):
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.2, momentum=0.8)
    cfg = dict(describe(name), optimizer=optimizer)
    return optimizer, PARAM_SCHEDULERS.build(cfg)


def advance(optimizer, scheduler, step):
    optimizer.step()
    scheduler.step(*[dict(score=SCORES[step])] * getattr(scheduler, 'need_val_args', False))
    group = optimizer.param_groups[0]
    return group['lr'], group['momentum']


@pytest.mark.parametrize('name', NAMES)
def test_every_schedule_goes_on_from_its_plain_state(name):
    optimizer, scheduler = build(name)
    for step in range(6):
        advance(optimizer, scheduler, step)
    states = to_plain(dict(optimizer=optimizer.state_dict(), scheduler=read_scheduler(scheduler)))
    straight = [advance(optimizer, scheduler, step) for step in range(6, 14)]
    optimizer, scheduler = build(name)
    optimizer.load_state_dict(states['optimizer'])
    scheduler.load_state_dict(states['scheduler'])
    assert [advance(optimizer, scheduler, step) for step in range(6, 14)] == straight
    assert len({*straight}) > 1 or 'Constant' in name


#: Optimizers that need a closure, sparse gradients or several processes, and their base class.
UNUSABLE = {'LBFGS', 'Optimizer', 'SparseAdam', 'ZeroRedundancyOptimizer'}


@pytest.mark.parametrize('name', sorted(set(OPTIMIZERS.module_dict) - UNUSABLE))
def test_every_optimizer_goes_on_from_its_plain_state(name):
    def start():
        layer = nn.Linear(4, 3, bias=False)
        nn.init.constant_(layer.weight, 0.5)
        return layer, OPTIMIZERS.build(dict(type=name, lr=0.01, params=layer.parameters()))

    def go_on(layer, optimizer, first):
        for step in range(first, first + 5):
            generator = torch.Generator().manual_seed(step)
            optimizer.zero_grad()
            layer(torch.randn(8, 4, generator=generator)).square().mean().backward()
            optimizer.step()

    layer, optimizer = start()
    go_on(layer, optimizer, 0)
    saved = to_plain(dict(layer=layer.state_dict(), optimizer=optimizer.state_dict()))
    saved = copy.deepcopy(saved)
    go_on(layer, optimizer, 5)
    again, optimizer = start()
    again.load_state_dict(saved['layer'])
    optimizer.load_state_dict(saved['optimizer'])
    go_on(again, optimizer, 5)
    assert torch.equal(again.weight, layer.weight)


@pytest.mark.slow
@pytest.mark.parametrize('name', NAMES)
def test_a_training_with_any_schedule_resumes_exactly(name, tmp_path):
    by_epoch = 'Plateau' in name
    options = dict(
        schedulers=[describe(name, by_epoch=by_epoch)],
        optimizer=dict(type='SGD', lr=0.003, momentum=0.5),
    )
    assert_resumes(options, 7, tmp_path)


def assert_resumes(options, iteration, folder):
    """Compare a training with one that goes on from a checkpoint of it."""
    straight = train(make_cfg(folder / 'straight', **options))
    path = str(folder / 'straight' / f'iter_{iteration}.pth')
    resumed = train(make_cfg(folder / 'resumed', load_from=path, resume=True, **options))
    assert largest_difference(weights(resumed), weights(straight)) == 0
    lines = logged(resumed)
    assert lines == logged(straight)[-len(lines) :]
    assert resumed.iter == straight.iter
    return straight


#: Hooks without a state of their own, or with one that the runner's checkpoints hold.
EXACT = {
    'DistSamplerSeedHook': {},
    'EMAHook': {},
    'EarlyStoppingHook': dict(monitor='score', rule='greater', patience=9),
    'EmptyCacheHook': {},
    'IterTimerHook': {},
    'LoggerHook': dict(interval=2),
    'NaiveVisualizationHook': {},
    'ParamSchedulerHook': {},
    'ProfilerHook': dict(by_epoch=False, profile_times=2),
    'RuntimeInfoHook': {},
    'SyncBuffersHook': {},
}
BRANCHES = dict(
    step=0, max_step=2, search_interval=1, exp_rate=0.5, init_alphas=0.01, mmin=1, mmax=8
)
BRANCHES.update(num_branches=2, skip_layer=[])
#: Hooks that a training cannot have, with a part of what it says.
REFUSED = {
    'mmengine.CheckpointHook': ({}, 'CheckpointHook forgets'),
    'mmengine.EarlyStoppingHook': (dict(monitor='acc'), 'EarlyStoppingHook forgets'),
    'RFSearchHook': (dict(config=dict(search=BRANCHES)), 'changes the network'),
}
#: Hooks of other devices and of tests, which no training here can have.
ELSEWHERE = {'NPUProfilerHook', 'PrepareTTAHook'}


def test_every_hook_of_the_framework_is_known_here():
    known = {*EXACT, *ELSEWHERE, *(name.removeprefix('mmengine.') for name in REFUSED)}
    classes = HOOKS.module_dict.values()
    assert {kind.__name__ for kind in classes if kind.__module__.startswith('mm')} == known


def test_a_training_with_all_hooks_of_the_framework_resumes_exactly(tmp_path):
    hooks = [
        dict(type=name, **options)
        for name, options in EXACT.items()
        if name not in ('ProfilerHook', 'NaiveVisualizationHook', 'EMAHook')
    ]
    assert_resumes(dict(hooks=hooks, ema='ExponentialMovingAverage'), 7, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize('name', [n for n in EXACT if n != 'NaiveVisualizationHook'])
def test_a_training_with_any_hook_resumes_exactly(name, tmp_path):
    assert_resumes(dict(hooks=[dict(type=name, **EXACT[name])]), 7, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    'options',
    [
        dict(type=kind.__name__, **extra)
        for kind in set(MODELS.module_dict.values())
        if isinstance(kind, type) and issubclass(kind, BaseAveragedModel)
        for extra in ({}, dict(update_buffers=True), dict(interval=2))
    ],
    ids=str,
)
@pytest.mark.parametrize('begin', [{}, dict(begin_epoch=2), dict(begin_iter=9)], ids=str)
def test_a_training_with_any_average_resumes_exactly(options, begin, tmp_path):
    hook = dict(options, type='EMAHook', ema_type=options['type'], priority=49, **begin)
    assert_resumes(dict(hooks=[hook]), 7, tmp_path)


@pytest.mark.parametrize('name', REFUSED)
def test_a_hook_that_forgets_is_refused_before_training(name, tmp_path):
    options, message = REFUSED[name]
    with pytest.raises(ConfigError, match=message):
        train(make_cfg(tmp_path, hooks=[dict(type=name, **options)]))
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(sampler='mmengine.DefaultSampler'), 'DefaultSampler forgets where it was'),
        (dict(hooks=[dict(type='EMAHook', priority='LOWEST')]), 'EMAHook comes after'),
        (dict(train_cfg=dict(type='mmengine.EpochBasedTrainLoop', max_epochs=2)), 'train_cfg'),
        (dict(schedulers=[dict(type='KeepingSchedule')]), 'KeepingSchedule holds'),
    ],
)
def test_a_part_that_forgets_is_refused_before_training(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        train(make_cfg(tmp_path, **changes))
    assert not list(tmp_path.glob('*.pth'))


@PARAM_SCHEDULERS.register_module(force=True)
class KeepingSchedule(PARAM_SCHEDULERS.get('ConstantLR')):
    """Keeps an object that is no plain data."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.kept = object()


@HOOKS.register_module(force=True)
class ScoresHook(Hook):
    """Replaces the scores of validations by a plateau."""

    priority = 'VERY_HIGH'

    def after_val_epoch(self, runner, metrics=None):
        metrics['score'] = (0.1, 0.5, 0.5, 0.5, 0.5, 0.9)[runner.epoch - 1]


PLATEAU = dict(
    epochs=6,
    hooks=[
        dict(type='ScoresHook'),
        dict(type='EarlyStoppingHook', monitor='score', rule='greater', patience=2, min_delta=0.01),
    ],
)


@pytest.mark.parametrize('iteration', [13, 15, 18])
def test_a_resumed_training_stops_as_early(iteration, tmp_path):
    straight = assert_resumes(PLATEAU, iteration, tmp_path)
    assert straight.epoch == 4
    path = str(tmp_path / 'straight' / 'iter_20.pth')
    again = train(make_cfg(tmp_path / 'again', load_from=path, resume=True, **PLATEAU))
    assert again.epoch == 4


def test_more_patience_continues_a_training_that_was_stopped(tmp_path):
    train(make_cfg(tmp_path, save_by_epoch=True, **PLATEAU))
    patient = dict(PLATEAU, hooks=[PLATEAU['hooks'][0], dict(PLATEAU['hooks'][1], patience=4)])
    assert train(make_cfg(tmp_path, save_by_epoch=True, resume=True, **patient)).epoch == 6
