"""The folder that a training writes to: one at a time, and a full disk told in one line."""

import errno
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.runner import BaseLoop, Runner

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


class Traces:
    """What a run leaves in its work dir before it has done anything.

    Args:
        folder: The work dir, before the run; its missing parents are made by the run too.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).absolute()
        self._before = set(os.listdir(self._folder)) if self._folder.is_dir() else set()
        self._made = [f for f in (self._folder, *self._folder.parents) if not f.exists()]

    @contextmanager
    def removed_on_failure(self, runner: Runner) -> Iterator[None]:
        """Remove logs and config when the block fails before the first iteration of training.

        They stay where the run, or another one meanwhile, has left more than these.
        """
        try:
            yield
        except BaseException:
            loop = getattr(runner, '_train_loop', None)
            has_trained = isinstance(loop, BaseLoop) and loop.iter > runner.first_iter
            if get_rank() == 0 and not has_trained:
                has_logs = hasattr(runner, '_log_dir')
                self._remove({Path(runner.log_dir).name, runner.config_name} if has_logs else set())
            raise

    def _remove(self, names: set[str]) -> None:
        if not self._folder.is_dir():
            return
        new = {*os.listdir(self._folder)} - self._before
        for name in new if new <= {*names, _LOCK} else ():
            path = self._folder / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        for folder in self._made:
            with suppress(OSError):  # it holds something
                folder.rmdir()


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
                f'{folder} must be free of other trainings and searches, but one is running '
                'there: give another --work-dir, or wait for its end'
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
