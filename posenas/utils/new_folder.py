"""Whole folders or none: written beside their place, then moved there."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posenas.utils.errors import OutputError
from posenas.utils.locks import Lock, hold_lock

#: What renaming a folder fails with where another file system is mounted in its place.
_IS_MOUNTED = (errno.EXDEV, errno.EBUSY)


@contextmanager
def new_folder(folder: str | Path, last: str | None = None) -> Iterator[Path]:
    """Make a folder beside ``folder`` that takes its place when the block ends well.

    A process killed at any moment leaves ``folder`` as it was; what it had written until then is
    removed by the next one that makes the same folder.

    Args:
        folder: Folder that does not exist, or is empty.
        last: Entry that says that the folder is complete, where ``folder`` is the root of a file
            system, so that entries have to be moved one by one.

    Yields:
        The folder to write to.

    Raises:
        OutputError: The folder holds something, or cannot be written.
    """
    folder = Path(folder)
    check_new_folder(folder)
    name = folder.absolute().name
    draft = folder.with_name(f'.{name}.{secrets.token_hex(4)}.part')
    try:
        _remove_abandoned(folder.parent, re.compile(rf'\.{re.escape(name)}\.[0-9a-f]{{8}}\.part'))
        draft.mkdir(parents=True)
        with hold_lock(draft):
            yield draft
        _move(draft, folder, last)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f'{folder} must be a folder to write to, got: {error}; free space, or choose another'
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_new_folder(folder: str | Path) -> None:
    """Require that :func:`new_folder` could begin, before hours of work for it.

    Raises:
        OutputError: The folder holds something, or is a file.
    """
    folder = Path(folder)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise OutputError(f'{folder} must be a new or empty folder: choose another, or empty it')


def _remove_abandoned(parent: Path, pattern: re.Pattern[str]) -> None:
    """Remove the drafts that no process works on any more."""
    for path in parent.iterdir() if parent.is_dir() else ():
        if not (pattern.fullmatch(path.name) and path.is_dir()):
            continue
        lock = Lock(path)
        try:
            is_abandoned = lock.take()
        finally:
            lock.close()
        if is_abandoned:
            shutil.rmtree(path, ignore_errors=True)


def _move(draft: Path, folder: Path, last: str | None) -> None:
    try:
        os.replace(draft, folder)
    except OSError as error:
        if error.errno not in _IS_MOUNTED:
            raise
        for path in sorted(draft.iterdir(), key=lambda path: path.name == last):
            shutil.move(path, folder / path.name)
    if os.name == 'posix':
        parent = os.open(folder.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        except OSError:  # some network file systems cannot synchronise folders
            pass
        finally:
            os.close(parent)
