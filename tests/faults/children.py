"""Work in processes forked from the driver, which spares them the imports."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from small_disk import disk_of

from posenas.utils import PoseNASError

#: Exit codes of a child: done, ended by a deliberate error, by another one.
DONE, DELIBERATE, UNEXPECTED = 0, 2, 3
#: Seconds after which a child counts as hung.
_LONGEST = 900.0


def start(work: Callable[[], object], log: Path, size: int | None, is_deadly: bool) -> int:
    """Fork a process that does ``work``, its output in a file; return its id.

    Args:
        work: What to do; its return value is ignored.
        log: File of the output.
        size: Bytes that its files may have; None for no limit.
        is_deadly: Whether it dies where a file would grow beyond.
    """
    child = os.fork()
    if child:
        return child
    code = UNEXPECTED
    try:
        os.setsid()
        _redirect(log)
        torch.set_num_threads(1)
        if size is None:
            work()
        else:
            with disk_of(size, is_deadly):
                work()
        code = DONE
    except PoseNASError as error:
        code = DELIBERATE
        _say(f'{type(error).__name__}: {error}')
    except BaseException:
        _say(traceback.format_exc())
    finally:
        os._exit(code)


def _redirect(log: Path) -> None:
    """Let output go through a pipe that a second process drains, which has no limit."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(writer)
        with open(log, 'ab', buffering=0) as file:
            while chunk := os.read(reader, 1 << 16):
                file.write(chunk)
        os._exit(0)
    os.close(reader)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(writer)


def _say(text: str) -> None:
    sys.stdout.flush()
    os.write(2, f'{text}\n'.encode())


def finish(child: int, kill_after: float | None = None) -> int:
    """Wait for a child, or kill it and what it started after so many seconds.

    Returns:
        Its exit code, negative if a signal ended it.
    """
    end = time.monotonic() + (_LONGEST if kill_after is None else kill_after)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return -int(signal.SIGKILL)
        time.sleep(0.002)


def do(
    work: Callable[[], object],
    log: Path,
    size: int | None = None,
    is_deadly: bool = False,
    kill_after: float | None = None,
) -> int:
    """Do ``work`` in a child under one fault at most; return its exit code."""
    return finish(start(work, log, size, is_deadly), kill_after)
