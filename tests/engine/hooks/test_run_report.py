"""Runs say what they did with all that they were given."""

import pytest
from engine.toy_training import make_cfg

from posenas.engine import PoseRunner
from posenas.utils import ConfigError


def run(cfg, monkeypatch, do='train'):
    """Lines that a run logs, at any level."""
    runner = PoseRunner.from_cfg(cfg)
    lines = []
    for level in ('info', 'warning'):
        monkeypatch.setattr(runner.logger, level, lambda text, **_: lines.append(text))
    getattr(runner, do)()
    return runner, lines


def test_training_ends_with_what_was_left_out(tmp_path, monkeypatch):
    cfg = make_cfg(tmp_path, length=10, batch=4, epochs=2)
    cfg['train_dataloader']['drop_last'] = True
    _, lines = run(cfg, monkeypatch)
    (told,) = [line for line in lines if line.startswith('trained for')]
    assert told == (
        'trained for 4 iterations, 4 of 4 are done; 10 samples; 2 samples of each epoch are not '
        'used (drop_last)'
    )
    assert any('1 of 1 batch norms have not settled: after 4' in line for line in lines)


def test_a_finished_run_that_is_resumed_says_so(tmp_path, monkeypatch):
    PoseRunner.from_cfg(make_cfg(tmp_path, epochs=1)).train()
    _, lines = run(make_cfg(tmp_path, epochs=1, resume=True), monkeypatch)
    assert any(line.startswith('nothing was trained: 5 of 5 iterations') for line in lines)
    assert any(line.startswith('trained for 0 iterations, 5 of 5') for line in lines)


def test_a_batch_larger_than_the_data_is_refused(tmp_path):
    for part, text in (
        ('train', 'an epoch must have at least one batch'),
        ('val', 'val_dataloader'),
    ):
        cfg = make_cfg(tmp_path, length=10, epochs=1)
        cfg[f'{part}_dataloader'] |= dict(batch_size=16, drop_last=True)
        with pytest.raises(ConfigError, match=f'{text}.*none from 10 samples in batches of 16'):
            PoseRunner.from_cfg(cfg).train()


def test_gradients_that_are_fewer_than_are_accumulated_are_used(tmp_path):
    cfg = make_cfg(tmp_path, by_epoch=False, max_iters=3, accumulate=4, validate=False)
    runner = PoseRunner.from_cfg(cfg)
    before = runner.model.conv.weight.detach().clone()
    runner.train()
    assert not before.equal(runner.model.conv.weight.cpu())


def test_a_test_of_random_weights_says_so(tmp_path, monkeypatch):
    cfg = make_cfg(tmp_path, epochs=1)
    for part in ('cfg', 'dataloader', 'evaluator'):
        cfg[f'test_{part}'] = cfg[f'val_{part}']
    _, lines = run(cfg, monkeypatch, 'test')
    assert any('no checkpoint was loaded' in line for line in lines)
    assert 'tested; 10 samples' in lines
