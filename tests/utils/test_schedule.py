"""Schedules that are moved to another length, and those that fit their data."""

import pytest
from mmengine.config import Config

from posenas.utils.errors import ConfigError
from posenas.utils.schedule import fit_schedule, set_epochs


def make_cfg(**settings):
    return Config(
        dict(
            train_cfg=dict(
                max_epochs=40,
                val_begin=41,
                val_interval=10,
                arch_begin_epoch=10,
                dynamic_intervals=[(20, 4)],
            ),
            param_scheduler=[
                dict(type='LinearLR', begin=0, end=400, by_epoch=False),
                dict(type='CosineAnnealingLR', begin=20, end=40, T_max=20),
                dict(type='MultiStepLR', end=40, milestones=[30, 38, 50]),
            ],
            custom_hooks=[
                dict(type='PipelineSwitchHook', switch_epoch=36, switch_pipeline=[dict(type='A')]),
                dict(type='SubnetScoresHook', interval=8),
                dict(type='EMAHook', begin_epoch=4, interval=8),
            ],
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=8, save_begin=20),
                logger=dict(type='LoggerHook', interval=50),
            ),
            model=dict(loss=dict(alpha=dict(start=0.0, end=1.0, epochs=20))),
            **settings,
        )
    )


def test_the_whole_schedule_moves_with_the_epochs():
    cfg = make_cfg(max_epochs=40)
    set_epochs(cfg, 20)
    assert cfg.max_epochs == 20
    loop = dict(max_epochs=20, val_begin=21, val_interval=5, arch_begin_epoch=5)
    assert cfg.train_cfg.to_dict() == dict(loop, dynamic_intervals=[(10, 2)])
    warm_up, cosine, steps = cfg.param_scheduler
    assert (warm_up.begin, warm_up.end) == (0, 200)
    assert (cosine.begin, cosine.end, cosine.T_max) == (10, 20, 10)
    assert (steps.end, steps.milestones) == (20, [15, 19, 30])
    switch, scores, average = cfg.custom_hooks
    assert (switch.switch_epoch, scores.interval) == (18, 4)
    assert (average.begin_epoch, average.interval) == (2, 8)  # its interval counts iterations
    hooks = cfg.default_hooks
    assert (hooks.checkpoint.interval, hooks.checkpoint.save_begin) == (4, 10)
    assert hooks.logger.interval == 50
    assert cfg.model.loss.alpha.epochs == 10


@pytest.mark.parametrize('epochs', [1, 2, 3, 40])
def test_short_schedules_begin_before_they_end(epochs):
    cfg = make_cfg()
    before = cfg.to_dict()
    set_epochs(cfg, epochs)
    assert all(s.get('end') > s.get('begin', 0) for s in cfg.param_scheduler)
    assert cfg.param_scheduler[1].T_max >= 1
    assert min(cfg.param_scheduler[2].milestones) >= 1
    assert cfg.train_cfg.val_interval >= 1
    assert (cfg.to_dict() == before) is (epochs == 40)


def test_schedules_of_each_optimizer_move():
    steps = dict(type='MultiStepLR', milestones=[20])
    cfg = make_cfg()
    cfg.param_scheduler = dict(weights=[steps], arch=[])
    set_epochs(cfg, 10)
    assert cfg.param_scheduler.weights[0].milestones == [5]
    assert cfg.param_scheduler.arch == []


@pytest.mark.parametrize(
    'loop', [dict(max_iters=100), dict(type='SearchLoop', wave=4, num_waves=2)]
)
def test_what_counts_no_epochs_is_refused(loop):
    with pytest.raises(ConfigError, match='train_cfg has no max_epochs'):
        set_epochs(Config(dict(train_cfg=loop)), 3)


@pytest.mark.parametrize(
    ('people', 'batch', 'epochs', 'batches'),
    [(7823, 32, 31, 244), (20, 2, 300, 10), (150000, 32, 10, 4687), (1, 2, 300, 1)],
)
def test_epochs_follow_from_the_size_of_the_data(people, batch, epochs, batches):
    cfg = make_cfg(train_dataloader=dict(drop_last=True))
    found = fit_schedule(cfg, people, batch)
    assert (found.num_epochs, found.num_batches) == (epochs, batches)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.param_scheduler[0].end == found.warm_up
    assert found.warm_up == pytest.approx(0.05 * epochs * batches, abs=1)
    assert 10 <= epochs // cfg.train_cfg.val_interval < 40
    assert cfg.default_hooks.checkpoint.interval == cfg.train_cfg.val_interval == found.interval


def test_a_rate_that_falls_by_iterations_fits_no_other_data():
    cfg = make_cfg()
    cfg.param_scheduler = [dict(type='PolyLR', begin=0, end=1000, by_epoch=False)]
    with pytest.raises(ConfigError, match='must fall by epochs'):
        fit_schedule(cfg, 100, 10)
