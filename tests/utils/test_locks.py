"""Locks end with the process that took them, and with nobody else."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

from posenas.utils.locks import hold_lock

CONTEXT = multiprocessing.get_context('fork')


def _hold(path, ready):
    with hold_lock(path) as lock:
        ready.send(lock is not None)
        time.sleep(60)


def test_a_lock_is_free_again_when_its_process_is_killed(tmp_path):
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_hold, args=(tmp_path / 'lock', theirs))
    process.start()
    assert ours.recv()
    with hold_lock(tmp_path / 'lock') as lock:
        assert lock is None
    os.kill(process.pid, signal.SIGKILL)
    with hold_lock(tmp_path / 'lock', patience=20) as lock:
        assert lock is not None
    process.join()


def test_a_forked_process_does_not_keep_the_lock(tmp_path):
    with hold_lock(tmp_path) as lock:  # a folder can be locked itself
        assert lock is not None
        child = CONTEXT.Process(target=time.sleep, args=(30,))
        child.start()
    with hold_lock(tmp_path, patience=20) as lock:  # it lets go a moment after it began
        assert lock is not None
    child.kill()
    child.join()


def test_a_process_that_shares_the_lock_keeps_it(tmp_path):
    command = [sys.executable, '-c', 'import sys; sys.stdin.read()']
    with hold_lock(tmp_path / 'lock') as lock, lock.shared() as sharing:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, **sharing)
    with hold_lock(tmp_path / 'lock') as lock:
        assert lock is None
    child.communicate()
    with hold_lock(tmp_path / 'lock', patience=20) as lock:
        assert lock is not None
