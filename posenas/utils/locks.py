"""Locks on files and folders, which end with the process that holds them, however it ends."""

import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from posenas.utils.errors import OutputError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such locks: everybody goes without
    fcntl = None

#: Seconds between two attempts.
_PAUSE = 0.05
#: Locks of this process, for processes forked from it to close.
_OPEN: weakref.WeakSet['Lock'] = weakref.WeakSet()


class Lock:
    """An open file or folder that nobody else may lock meanwhile.

    Processes forked from this one do not hold it: a data worker that outlives a killed training
    would keep the next one away.

    Args:
        path: Folder, or file to make; what it holds is left alone.

    Raises:
        OutputError: It cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        flags = os.O_RDONLY if Path(path).is_dir() else os.O_RDWR | os.O_CREAT
        try:
            self.file = os.open(path, flags, 0o666)
        except OSError as error:
            raise OutputError(
                f'{path} must be writable, got: {error.strerror}; free space, or change its rights'
            ) from error
        _OPEN.add(self)

    def take(self, patience: float = 0.0) -> bool:
        """Take the lock; tells whether it was free within ``patience`` seconds.

        On a file system without locks it counts as free.
        """
        if fcntl is None:
            return True
        end = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= end:
                    return False
                time.sleep(_PAUSE)
            except OSError:
                return True
            else:
                return True

    def close(self) -> None:
        """Let go of the lock, as far as this process holds it."""
        if self.file >= 0:
            with suppress(OSError):
                os.close(self.file)
            self.file = -1

    @contextmanager
    def shared(self) -> Iterator[dict[str, Any]]:
        """Offer arguments of :class:`subprocess.Popen` that let the new process hold it too.

        It is free again when both have ended, so that whoever waits for it waits for both.
        """
        copy = os.dup(self.file)
        try:
            yield dict(pass_fds=(copy,)) if os.name == 'posix' else {}
        finally:
            os.close(copy)


def _close_all() -> None:
    for lock in list(_OPEN):
        lock.close()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_close_all)


@contextmanager
def hold_lock(path: str | Path, patience: float = 0.0) -> Iterator[Lock | None]:
    """Hold a lock inside the block.

    Args:
        path: Folder, or file to make.
        patience: Seconds to wait for others that hold it.

    Yields:
        The lock, or None if others still hold it.

    Raises:
        OutputError: The file cannot be opened.
    """
    lock = Lock(path)
    try:
        yield lock if lock.take(patience) else None
    finally:
        lock.close()
