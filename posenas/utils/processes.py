"""Processes that do not outlive the one that started them."""

import ctypes
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial

#: Option of prctl(2): the signal that a process gets when its parent has died.
_PR_SET_PDEATHSIG = 1
#: Where Linux keeps the memory that processes share, and their semaphores.
_SHARED_MEMORY = '/dev/shm'  # noqa: S108  (the system's own place)


def can_share_memory() -> bool:
    """Tell whether processes can share memory: on Linux not without a writable ``/dev/shm``."""
    if sys.platform != 'linux':
        return True
    try:
        with tempfile.TemporaryFile(dir=_SHARED_MEMORY) as file:
            file.write(bytes(1))
    except OSError:
        return False
    return True


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
