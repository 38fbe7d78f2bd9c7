"""Checkpoint hooks in real trainings."""

import json
import multiprocessing
import os
import resource
import shutil

import numpy as np
import pytest
import torch
from engine.toy_training import largest_difference, make_cfg, train, weights
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner.checkpoint import find_latest_checkpoint as mmengine_find_latest

from posenas.engine import PoseRunner
from posenas.utils import (
    CheckpointError,
    ConfigError,
    OutputError,
    find_latest_checkpoint,
    load_checkpoint_file,
)


@HOOKS.register_module(force=True)
class ForgetfulHook(Hook):
    """Stores what is no plain data in every place a checkpoint has for it."""

    def __init__(self, place):
        self.place = place

    def before_train(self, runner):
        if self.place == 'message_hub':
            runner.message_hub.update_info('array', np.arange(3))
            runner.message_hub.update_info('function', print)

    def before_save_checkpoint(self, runner, checkpoint):
        if self.place == 'top':
            checkpoint['function'] = print


def names(folder):
    return sorted(path.name for path in folder.glob('*.pth'))


def make(work_dir, epochs=3, resume=False, validate=False, **checkpoint):
    cfg = make_cfg(work_dir, epochs=epochs, validate=validate)
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', **checkpoint)
    cfg.resume = resume
    return cfg


@pytest.mark.parametrize(
    ('keep', 'kept'),
    [(-1, ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']), (1, ['epoch_3.pth']), (2, None)],
)
def test_as_many_checkpoints_stay_as_were_asked_for(tmp_path, keep, kept):
    train(make(tmp_path, interval=1, max_keep_ckpts=keep))
    assert names(tmp_path) == (kept or ['epoch_2.pth', 'epoch_3.pth'])
    assert (tmp_path / 'last_checkpoint').read_text() == 'epoch_3.pth'


def test_checkpoints_are_plain_data(tmp_path):
    hooks = [dict(type='ForgetfulHook', place='message_hub')]
    runner = train(make_cfg(tmp_path, epochs=1, save_by_epoch=True, hooks=hooks, validate=False))
    path = tmp_path / 'epoch_1.pth'
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint['message_hub']['runtime_info']['array'] == [0, 1, 2]
    assert 'function' not in checkpoint['message_hub']['runtime_info']
    assert set(checkpoint['meta']) >= {'epoch', 'iter', 'cfg', 'seed', 'time', 'mmengine_version'}
    assert runner.message_hub.get_info('function') is print  # the training goes on with it


def test_what_cannot_be_saved_anywhere_else_ends_the_training(tmp_path):
    hooks = [dict(type='ForgetfulHook', place='top')]
    with pytest.raises(CheckpointError, match=r"checkpoint\['function'\]"):
        train(make_cfg(tmp_path, epochs=1, save_by_epoch=True, hooks=hooks))
    assert names(tmp_path) == []


def test_log_histories_survive_a_resume(tmp_path):
    first = train(make(tmp_path / 'a', epochs=2, interval=1))
    want = first.message_hub.get_scalar('train/loss').data
    shutil.copytree(tmp_path / 'a', tmp_path / 'b')
    cfg = make(tmp_path / 'b', epochs=3, interval=1, resume=True)
    runner = train(cfg)
    have = runner.message_hub.get_scalar('train/loss').data
    for old, new in zip(want, have, strict=True):
        np.testing.assert_array_equal(old, new[: len(old)])
        assert len(new) == len(old) + 5


class Watch:
    """Records, at each deletion and each save, what lies in the folder."""

    def __init__(self, monkeypatch, folder):
        self.seen = []
        original = PoseRunner.save_checkpoint

        def save(runner, *args, **kwargs):
            self.seen.append(('save', args[1], names(folder)))
            original(runner, *args, **kwargs)

        monkeypatch.setattr(PoseRunner, 'save_checkpoint', save)
        remove = os.remove

        def watched_remove(path):
            name = os.path.basename(path)
            if name.endswith('.pth'):
                last = (folder / 'last_checkpoint').read_text()
                self.seen.append(('remove', name, last, load_checkpoint_file(folder / last)))
            remove(path)

        monkeypatch.setattr(os, 'remove', watched_remove)


def test_the_old_checkpoint_goes_only_when_the_new_one_is_recorded(tmp_path, monkeypatch):
    watch = Watch(monkeypatch, tmp_path)
    train(make(tmp_path, interval=1, max_keep_ckpts=1))
    assert [event[:3] for event in watch.seen] == [
        ('save', 'epoch_1.pth', []),
        ('save', 'epoch_2.pth', ['epoch_1.pth']),
        ('remove', 'epoch_1.pth', 'epoch_2.pth'),
        ('save', 'epoch_3.pth', ['epoch_2.pth']),
        ('remove', 'epoch_2.pth', 'epoch_3.pth'),
    ]


def test_files_that_a_killed_run_could_not_delete_go_when_it_is_resumed(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr('posenas.engine.CheckpointHook._remove', lambda *_: None)
        train(make(tmp_path, epochs=2, interval=1, max_keep_ckpts=1))
    (tmp_path / '.epoch_3.pth.0123abcd.part').write_bytes(b'half')
    assert names(tmp_path) == ['epoch_1.pth', 'epoch_2.pth']
    train(make(tmp_path, epochs=3, interval=1, max_keep_ckpts=1, resume=True))
    assert names(tmp_path) == ['epoch_3.pth']
    assert not list(tmp_path.glob('.*.part'))


def test_saves_within_an_accumulation_wait_for_the_update(tmp_path):
    cfg = make_cfg(tmp_path, epochs=2, accumulate=3, interval=2, validate=False)
    train(cfg)
    # epochs of five batches; updates after batches 3, 5, 8 and 10
    assert names(tmp_path) == ['iter_10.pth', 'iter_3.pth', 'iter_5.pth', 'iter_8.pth']
    assert load_checkpoint_file(tmp_path / 'iter_8.pth')['meta']['iter'] == 8


@pytest.fixture
def scores(monkeypatch):
    """Let validation report these scores, one after another."""
    values = []

    def compute(self, results):
        return dict(score=values.pop(0), other=0.0)

    from engine.toy_training import ToyScore

    monkeypatch.setattr(ToyScore, 'compute_metrics', compute)
    return values


@pytest.mark.parametrize(
    ('rule', 'given', 'best'),
    [
        ('greater', [0.5, 0.7, 0.6], 2),
        ('greater', [0.5, float('nan'), 0.4], 1),
        ('greater', [float('nan'), 0.1, float('nan')], 2),
        ('less', [0.5, 0.7, 0.4], 3),
        ('greater', [0.5, 0.5, 0.5], 1),
    ],
)
def test_the_best_checkpoint_is_kept_under_its_name(tmp_path, scores, rule, given, best):
    scores += given
    runner = train(
        make(tmp_path, interval=1, max_keep_ckpts=1, save_best='score', rule=rule, validate=True)
    )
    assert names(tmp_path) == [f'best_score_epoch_{best}.pth', 'epoch_3.pth']
    checkpoint = load_checkpoint_file(tmp_path / f'best_score_epoch_{best}.pth')
    assert checkpoint['meta']['epoch'] == best
    assert 'optimizer' not in checkpoint
    assert runner.message_hub.get_info('best_score') == given[best - 1]


def test_slashes_in_the_name_of_a_metric_become_underscores(tmp_path, scores, monkeypatch):
    from engine.toy_training import ToyScore

    monkeypatch.setattr(ToyScore, 'compute_metrics', lambda *_: {'coco/AP': 0.5, 'PCK@0.1': 1.0})
    train(make(tmp_path, epochs=1, save_best=['coco/AP', 'PCK@0.1'], rule='greater', validate=True))
    assert names(tmp_path) == [
        'best_PCK@0.1_epoch_1.pth',
        'best_coco_AP_epoch_1.pth',
        'epoch_1.pth',
    ]


def test_a_resumed_run_remembers_the_best_and_replaces_it_in_a_moved_folder(tmp_path, scores):
    settings = dict(interval=1, max_keep_ckpts=1, save_best='score', rule='greater', validate=True)
    scores += [0.5, 0.4]
    train(make(tmp_path / 'a', epochs=2, **settings))
    shutil.move(tmp_path / 'a', tmp_path / 'b')
    scores += [0.4, 0.45]  # the saved model is validated again
    shutil.copytree(tmp_path / 'b', tmp_path / 'c')
    train(make(tmp_path / 'c', epochs=3, resume=True, **settings))
    assert names(tmp_path / 'c') == ['best_score_epoch_1.pth', 'epoch_3.pth']
    scores += [0.4, 0.6]
    train(make(tmp_path / 'b', epochs=3, resume=True, **settings))
    assert names(tmp_path / 'b') == ['best_score_epoch_3.pth', 'epoch_3.pth']


def test_an_unknown_metric_is_told_with_the_known_ones(tmp_path, scores):
    scores += [0.5]
    with pytest.raises(ConfigError, match=r"save_best='AP' .*'other', 'score'"):
        train(make(tmp_path, epochs=1, save_best='AP', rule='greater', validate=True))


def test_auto_takes_the_first_metric(tmp_path, scores):
    scores += [0.5]
    train(make(tmp_path, epochs=1, save_best='auto', rule='greater', validate=True))
    assert names(tmp_path) == ['best_score_epoch_1.pth', 'epoch_1.pth']


def test_published_copies_hold_the_keys_asked_for(tmp_path):
    train(make(tmp_path, epochs=1, interval=1, published_keys=['meta', 'state_dict']))
    (published,) = tmp_path.glob('epoch_1-*.pth')
    assert set(load_checkpoint_file(published)) == {'meta', 'state_dict'}
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_1.pth')


def test_the_best_is_published_too(tmp_path, scores):
    scores += [0.5, 0.4]
    settings = dict(save_best='score', rule='greater', validate=True, published_keys='state_dict')
    train(make(tmp_path, epochs=2, interval=1, **settings))
    published = [name for name in names(tmp_path) if '-' in name]
    assert [name.split('-')[0] for name in published] == ['best_score_epoch_1', 'epoch_2']


def test_checkpoints_may_lie_elsewhere(tmp_path):
    train(make(tmp_path / 'work', epochs=2, interval=1, out_dir=str(tmp_path / 'big_disk')))
    assert names(tmp_path / 'big_disk' / 'work') == ['epoch_1.pth', 'epoch_2.pth']
    assert find_latest_checkpoint(tmp_path / 'work') == str(
        tmp_path / 'big_disk' / 'work' / 'epoch_2.pth'
    )
    train(make(tmp_path / 'work', epochs=3, resume=True, out_dir=str(tmp_path / 'big_disk')))


def test_stock_mmengine_reads_our_checkpoints(tmp_path):
    train(make(tmp_path, epochs=1, interval=1))
    checkpoint = torch.load(tmp_path / 'epoch_1.pth')
    assert checkpoint['meta']['epoch'] == 1
    assert os.path.basename(mmengine_find_latest(str(tmp_path))) == 'epoch_1.pth'


def _train_with_a_full_disk(cfg, num_bytes, results):
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes))
    try:
        train(cfg)
    except Exception as error:
        results.put((type(error).__name__, str(error)))
    else:
        results.put(None)


def test_a_full_disk_ends_the_training_and_spares_the_last_checkpoint(tmp_path):
    straight = train(make(tmp_path / 'straight', epochs=3))
    train(make(tmp_path / 'work', epochs=1, interval=1, max_keep_ckpts=1))
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    cfg = make(tmp_path / 'work', epochs=3, interval=1, max_keep_ckpts=1, resume=True)
    size = (tmp_path / 'work' / 'epoch_1.pth').stat().st_size
    process = context.Process(target=_train_with_a_full_disk, args=(cfg, size // 2, results))
    process.start()
    name, text = results.get(timeout=60)
    process.join()
    assert name == 'OutputError'
    assert 'epoch_2.pth must be writable, got: File too large' in text
    assert names(tmp_path / 'work') == ['epoch_1.pth']
    assert not list((tmp_path / 'work').glob('.*.part'))
    assert largest_difference(weights(train(cfg)), weights(straight)) == 0


def test_a_file_where_the_work_dir_must_be_is_told(tmp_path):
    (tmp_path / 'work').write_text('')
    with pytest.raises(OutputError, match='work is a file where a folder must be'):
        train(make(tmp_path / 'work', epochs=1))


def test_resuming_never_runs_the_config_in_a_checkpoint(tmp_path):
    train(make(tmp_path, epochs=1, interval=1))
    path, marker = tmp_path / 'epoch_1.pth', tmp_path / 'ran'
    checkpoint = torch.load(path)
    code = f'open({json.dumps(str(marker))}, "w").close()'
    checkpoint['meta'].update(config=code, cfg=code)
    torch.save(checkpoint, path)
    runner = train(make(tmp_path, epochs=2, resume=True))
    assert runner.epoch == 2
    assert not marker.exists()


def test_only_the_last_checkpoint_holds_an_optimizer_if_asked_for(tmp_path):
    train(make(tmp_path, interval=1, max_keep_ckpts=2, last_optimizer_only=True))
    older, last = (load_checkpoint_file(tmp_path / f'epoch_{n}.pth') for n in (2, 3))
    assert last.keys() - older.keys() == {'optimizer', 'param_schedulers'}
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_3.pth')


def test_a_validation_alone_saves_nothing(tmp_path):
    cfg = make(tmp_path, validate=True, save_best='auto')
    assert PoseRunner.from_cfg(cfg).val()
    assert not names(tmp_path)
