"""The folder that a training writes to: one at a time, and a full disk told in one line."""

import errno
import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mmengine.dist import get_rank

from posenas.engine.distributed import agree_on_largest
from posenas.utils.atomic_io import write_text
from posenas.utils.errors import ConfigError, OutputError
from posenas.utils.locks import hold_lock

#: File that the training or search at work in a folder has locked.
_LOCK = '.lock'
#: Seconds in which a predecessor that was killed has gone.
_PATIENCE = 5.0

#: Why a file system takes no more: it is full, a file or a quota is, or it is read-only.
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EROFS, getattr(errno, 'EDQUOT', errno.ENOSPC)}


@contextmanager
def claim_work_dir(folder: str | Path) -> Iterator[None]:
    """Keep other trainings and searches out of a work dir inside the block; on every rank.

    Raises:
        ConfigError: One is at work there.
    """
    with ExitStack() as stack:
        is_free = True
        if get_rank() == 0:
            is_free = stack.enter_context(hold_lock(Path(folder, _LOCK), _PATIENCE)) is not None
        if agree_on_largest(int(not is_free)):
            raise ConfigError(
                f'{folder} must be free of other trainings and searches, but one is at work there: '
                'give another --work-dir, or wait for its end'
            )
        yield


def write_config(folder: str | Path, name: str, text: str) -> None:
    """Write a config into a work dir, unless that is another training's at the moment."""
    with hold_lock(Path(folder, _LOCK)) as lock:
        if lock is not None:
            write_text(Path(folder, name), text)


@contextmanager
def explain_full_disk(folder: str | Path) -> Iterator[None]:
    """Turn what mmengine's writers raise inside the block into one error.

    Raises:
        OutputError: The disk took no more.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError) or error.errno not in _FULL:
            raise
        raise OutputError(
            f'{folder} must have room for logs, curves and checkpoints, got: {error.strerror}; '
            'free space, then continue with --resume'
        ) from error


def raise_write_errors(logger: logging.Logger) -> None:
    """Let the log files of ``logger`` raise what the standard handlers print with a traceback.

    They take names of files that are not UTF-8, as escapes.
    """
    for handler in logger.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.stream.reconfigure(errors='backslashreplace')
            handler.handleError = _raise_again  # type: ignore[method-assign]


def _raise_again(record: logging.LogRecord) -> None:
    error = sys.exc_info()[1]
    if error is not None:
        raise error
