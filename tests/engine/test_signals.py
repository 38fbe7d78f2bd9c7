"""SIGTERM and SIGINT end a training without losing an iteration."""

import os
import signal
import time

import pytest
import torch
from engine.toy_training import largest_difference, make_cfg, start, train, weights

from posenas.engine.hooks.stop_signal import StopSignalHook
from posenas.engine.signals import SignalFlag
from posenas.utils.checkpoint import find_latest_checkpoint

EVERYTHING = dict(ema='ExpMomentumEMA', accumulate=2, amp=True, interval=100)


def signalled(at, signum=signal.SIGTERM, stage='train'):
    return dict(type='SignalSelfHook', at=at, signum=int(signum), stage=stage)


@pytest.mark.parametrize(
    ('at', 'signum', 'stage', 'saved_at', 'options'),
    [
        (6, signal.SIGTERM, 'train', 7, dict(interval=100)),
        (4, signal.SIGINT, 'train', 5, dict(interval=100)),
        (5, signal.SIGTERM, 'train', 7, EVERYTHING),
        (10, signal.SIGTERM, 'val', 10, EVERYTHING),
        (7, signal.SIGTERM, 'train', 8, dict(by_epoch=False, interval=100)),
    ],
)
def test_a_signalled_training_saves_exits_and_resumes_exactly(
    at, signum, stage, saved_at, options, tmp_path
):
    end = weights(train(make_cfg(tmp_path / 'straight', **options)))
    hooks = [signalled(at, signum, stage)]
    with pytest.raises(SystemExit) as stopped:
        train(make_cfg(tmp_path / 'stopped', hooks=hooks, **options))
    assert stopped.value.code == 128 + signum
    path = find_latest_checkpoint(tmp_path / 'stopped')
    assert path == str(tmp_path / 'stopped' / 'interrupted.pth')
    assert torch.load(path)['meta']['iter'] == saved_at
    resumed = train(make_cfg(tmp_path / 'stopped', resume=True, **options))
    assert largest_difference(weights(resumed), end) == 0


def test_handlers_are_restored_when_training_ends(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    train(make_cfg(tmp_path / 'ends', epochs=1))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    with pytest.raises(SystemExit):
        train(make_cfg(tmp_path / 'stops', hooks=[signalled(1)]))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_second_signal_acts_at_once():
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a job of a script ignores it
    hook = StopSignalHook()
    hook.flag.install()
    os.kill(os.getpid(), signal.SIGINT)
    assert hook.flag.received == signal.SIGINT
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    hook.flag.restore()
    signal.signal(signal.SIGINT, before)


def test_a_signal_that_a_shell_lets_its_job_ignore_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    flag = SignalFlag()
    flag.install()
    os.kill(os.getpid(), signal.SIGINT)
    flag.restore()
    assert signal.signal(signal.SIGINT, before) == signal.SIG_IGN
    assert flag.received == 0


@pytest.mark.parametrize('group', [False, True])
def test_a_process_with_workers_exits_with_143(group, tmp_path):
    """A scheduler signals the main process alone or its data workers too."""
    options = dict(workers=2, length=400, epochs=100, validate=False, interval=1000)
    process = start(tmp_path, options)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob('*/vis_data/scalars.json')) and time.monotonic() < deadline:
        time.sleep(0.2)
    (os.killpg if group else os.kill)(process.pid, signal.SIGTERM)
    process.join(60)
    assert process.exitcode == 143
    assert torch.load(tmp_path / 'interrupted.pth')['meta']['iter'] > 0
    with pytest.raises(ProcessLookupError):  # no worker is left
        os.killpg(process.pid, 0)
