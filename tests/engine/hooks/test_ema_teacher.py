"""The moving average of a student as its teacher."""

from types import SimpleNamespace

import pytest
import torch
from engine.taught_training import make_cfg, train, write_data

from posenas.engine import PoseRunner
from posenas.engine.hooks.ema_teacher import _move_average
from posenas.utils import ConfigError


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp('data'))


def test_an_average_alone_can_be_the_teacher(data, tmp_path):
    model = dict(teacher=None, teacher_checkpoint=None)
    runner = train(make_cfg(data, tmp_path, model=model, hooks=[dict(type='EMATeacherHook')]))
    (teacher,) = runner.model.teachers.members
    states = teacher.model.state_dict(), runner.model.student.state_dict()
    assert not torch.equal(*(state['head.final_layer.weight'] for state in states))
    name = 'backbone.stages.0.bn.running_mean'
    assert torch.equal(states[0][name], states[1][name])


def test_an_average_moves_parameters_and_copies_buffers():
    average, source = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    torch.nn.init.constant_(source.weight, 3.0)
    source.running_mean += 2
    _move_average(average, source, kept=0.25)
    assert average.weight.tolist() == [0.25 * 1 + 0.75 * 3] * 2
    assert average.running_mean.tolist() == [2, 2]


def test_updates_of_the_average_follow_the_published_ramp(data, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(
        'posenas.engine.hooks.ema_teacher._move_average', lambda *args: kept.append(args[2])
    )
    hooks = [dict(type='EMATeacherHook', momentum=0.3)]
    wrapper = dict(accumulative_counts=2)
    train(make_cfg(data, tmp_path, model={}, hooks=hooks, wrapper=wrapper))
    assert kept == pytest.approx([1 / 10, 2 / 11, 3 / 12, 0.3])


def test_a_cache_of_a_changing_teacher_is_refused(data, tmp_path):
    cfg = make_cfg(data, tmp_path, model={}, hooks=[dict(type='EMATeacherHook')], epochs=1)
    runner = PoseRunner.from_cfg(cfg)
    runner.model.cache = SimpleNamespace(is_open=True)
    with pytest.raises(ConfigError, match='EMATeacherHook needs a teacher without'):
        runner.train()
