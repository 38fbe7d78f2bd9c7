"""Disks that are full, and processes that die while they write, without rights of an owner."""

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def disk_of(size: int, is_deadly: bool = False) -> Iterator[None]:
    """Let files grow to ``size`` bytes; Python makes an error of what lies beyond.

    Args:
        size: Bytes that each file may have.
        is_deadly: Whether the process dies at that byte instead, as by SIGKILL.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_DFL if is_deadly else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def run_on_disk(
    size: int, work: Callable[..., object], *arguments: object, is_deadly: bool = False
) -> tuple[int, str]:
    """Run ``work`` in a process forked from this one, on a disk that ends at ``size`` bytes.

    Returns:
        Exit code of the process, negative if a signal ended it; name and text of what was raised.
    """
    context = multiprocessing.get_context('fork')
    ours, theirs = context.Pipe()

    def run() -> None:
        with open(os.devnull, 'w') as nothing:
            os.dup2(nothing.fileno(), 1)
            os.dup2(nothing.fileno(), 2)
        with disk_of(size, is_deadly):
            try:
                work(*arguments)
                theirs.send('')
            except BaseException as error:
                theirs.send(f'{type(error).__name__}: {error}')

    process = context.Process(target=run)
    process.start()
    theirs.close()
    try:
        said = ours.recv()
    except EOFError:
        said = ''
    process.join()
    return process.exitcode, said
