"""Processes that do not outlive the one that started them, and whether there can be some."""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from functools import cache, partial

#: Option of prctl(2): the signal that a process gets when its parent has died.
_PR_SET_PDEATHSIG = 1


def ending_with_parent() -> dict[str, Callable[[], None]]:
    """Return arguments of :class:`subprocess.Popen` that tie the new process to this one.

    However this process ends, killed or not, the new one then gets SIGTERM; a training saves its
    state and ends. Call it in the thread that waits for the process. Nothing happens on systems
    other than Linux.
    """
    return dict(preexec_fn=partial(tie_to, os.getpid())) if sys.platform == 'linux' else {}


def tie_to(parent: int) -> None:
    """Let this process get SIGTERM when the process ``parent``, which started it, has died.

    Nothing happens on systems other than Linux.
    """
    if sys.platform != 'linux':
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it has died meanwhile
        os._exit(1)


@cache
def has_shared_memory() -> bool:
    """Tell whether processes can share memory, as workers that load data do; says so once if not.

    Containers may have no ``/dev/shm``, or one that is full or read-only.
    """
    try:
        multiprocessing.get_context('fork' if sys.platform == 'linux' else None).Lock()
    except OSError as error:
        from mmengine.logging import print_log

        print_log(
            f'shared memory (/dev/shm) must be writable for workers, got: {error.strerror} '
            '(containers get it by --shm-size); everything is done in one process',
            'current',
            logging.WARNING,
        )
        return False
    return True
