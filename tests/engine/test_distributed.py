"""Two processes over gloo on CPU."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import torch
from engine.toy_training import largest_difference, script, start

from posenas.engine.distributed import init_gloo
from posenas.utils.checkpoint import find_latest_checkpoint
from posenas.utils.errors import ConfigError
from posenas.utils.locks import hold_lock

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
#: As configs made for GPUs say it. Two processes share an epoch in three batches each.
OPTIONS = dict(
    launcher='pytorch',
    env_cfg=dict(dist_cfg=dict(backend='nccl')),
    accumulate=2,
    ema='ExpMomentumEMA',
)

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason='about machines without CUDA')


def launch(work_dir, timeout=300, **options):
    """Train in two processes through torchrun."""
    return subprocess.run(
        script(work_dir, dict(OPTIONS, **options), num_processes=2),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def fork(work_dir, **options):
    """Train in two processes forked from this one; return the final weights."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    shared = dict(WORLD_SIZE='2', MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    ranks = [
        start(work_dir, dict(OPTIONS, **options), dict(shared, RANK=rank, LOCAL_RANK=rank))
        for rank in '01'
    ]
    for process in ranks:
        process.join(120)
    assert [process.exitcode for process in ranks] == [0, 0]
    return torch.load(work_dir / 'final.pth')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('distributed')
    return work_dir, fork(work_dir)


def test_training_twice_gives_the_same_weights(trained, tmp_path):
    assert largest_difference(fork(tmp_path), trained[1]) == 0


@pytest.mark.slow
def test_torchrun_gives_the_same_weights(trained, tmp_path):
    done = launch(tmp_path)
    assert done.returncode == 0, done.stderr
    assert largest_difference(torch.load(tmp_path / 'final.pth'), trained[1]) == 0


def test_a_training_resumed_on_two_processes_ends_the_same(trained, tmp_path):
    path = str(trained[0] / 'iter_5.pth')
    assert largest_difference(fork(tmp_path, load_from=path, resume=True), trained[1]) == 0


@pytest.mark.slow
@pytest.mark.parametrize('iteration', [2, 3, 5, 6, 8, 9])
@pytest.mark.parametrize('workers', [0, 2])
def test_a_training_resumed_anywhere_on_two_processes_ends_the_same(
    iteration, workers, trained, tmp_path
):
    path = str(trained[0] / f'iter_{iteration}.pth')
    end = fork(tmp_path, load_from=path, resume=True, workers=workers)
    assert largest_difference(end, trained[1]) == 0


@pytest.mark.slow
def test_nan_on_one_rank_ends_all(tmp_path):
    hook = dict(type='PoisonHook', where='target', iterations=[4], rank=1)
    done = launch(tmp_path, hooks=[hook])
    assert done.returncode != 0
    assert done.stderr.count('loss must be finite') >= 2
    assert not (tmp_path / 'iter_5.pth').exists()


@pytest.mark.slow
def test_nan_on_one_rank_is_skipped_by_all(tmp_path):
    hook = dict(type='PoisonHook', where='target', iterations=[4], rank=1)
    guard = dict(nan_guard=dict(type='NanGuardHook', policy='skip'))
    done = launch(tmp_path, hooks=[hook], default_hooks=guard)
    assert done.returncode == 0, done.stderr
    assert all(torch.isfinite(value).all() for value in torch.load(tmp_path / 'final.pth').values())


@pytest.mark.slow
@pytest.mark.parametrize('rank', [0, 1])
def test_sigterm_to_one_rank_saves_once_and_resumes_exactly(rank, trained, tmp_path):
    hook = dict(type='SignalSelfHook', at=4, signum=int(signal.SIGTERM), rank=rank)
    stopped = launch(tmp_path, hooks=[hook], interval=100)
    assert stopped.stderr.count('exitcode  : 143') + stopped.stderr.count('exitcode: 143') >= 1
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'interrupted.pth')
    assert largest_difference(fork(tmp_path, resume=True), trained[1]) == 0


@pytest.mark.slow
@pytest.mark.parametrize('rank', [0, 1])
@pytest.mark.parametrize('failure', ['exception', 'kill', 'hang'])
def test_a_rank_that_fails_ends_all_and_leaves_a_valid_checkpoint(failure, rank, tmp_path):
    hook = dict(type='FailHook', at=7, how=failure, rank=rank)
    # a hung rank ignores SIGTERM, after which torchrun waits 30 s
    environment = dict(dist_cfg=dict(backend='gloo', timeout=10))
    done = launch(tmp_path, hooks=[hook], env_cfg=environment)
    assert done.returncode != 0
    assert time.time() - (tmp_path / 'failed').stat().st_mtime < 60
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'iter_6.pth')
    assert not _running(str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize('signum', [signal.SIGKILL, signal.SIGTERM])
def test_a_launcher_that_is_ended_ends_all_and_leaves_a_valid_checkpoint(signum, tmp_path):
    options = dict(OPTIONS, epochs=10**6, validate=False)
    command = script(tmp_path, options, num_processes=2)
    launcher = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: (tmp_path / 'iter_6.pth').exists(), 300)
        launcher.send_signal(signum)
        assert launcher.wait(60) != 0
    finally:
        launcher.kill()
    wait_until(lambda: not _running(str(tmp_path)))
    assert find_latest_checkpoint(tmp_path) is not None
    with hold_lock(tmp_path / '.lock') as lock:
        assert lock is not None


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def _running(argument):
    commands = Path('/proc').glob('[0-9]*/cmdline')
    return [path for path in commands if argument.encode() in _read(path)]


def _read(path):
    try:
        return path.read_bytes()
    except OSError:  # it ended meanwhile
        return b''


@pytest.mark.parametrize(
    ('launcher', 'message'),
    [('torchrun', 'launcher must be none'), ('pytorch', 'must set RANK, WORLD_SIZE, LOCAL_RANK')],
)
def test_a_launcher_that_cannot_work_is_named(launcher, message, monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=message):
        init_gloo(launcher)
