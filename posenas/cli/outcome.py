"""How commands end: their exit statuses, errors in one line, and a report of what is unexpected."""

import errno
import os
import platform
import re
import select
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import IntEnum
from types import FrameType

from posenas.utils.errors import PoseNASError
from posenas.version import __version__


class Status(IntEnum):
    """Exit status of a command; one that a signal ended has 128 + the number of the signal."""

    DONE = 0
    NO = 1
    REFUSED = 2
    UNEXPECTED = 3


#: Status -> what it means, for the help of ``posenas``.
MEANINGS = {
    '0': 'done',
    '1': 'done, and the answer is no: check-data found errors, doctor a problem, genotype compare '
    'a difference; a run of compare failed',
    '2': 'refused: one line says what must hold, what came and what to do',
    '3': 'something unexpected: one line names the file with the full report',
    '128 + N': 'ended by signal N: 130 Ctrl-C, 143 SIGTERM, 141 nobody reads the output any more',
}

#: Signals that end a command as an exception, so that it removes its temporary files.
_ENDING = ('SIGTERM', 'SIGHUP')
#: What launchers of several processes set. Those must die at once, whatever they wait for.
_LAUNCHED = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')
#: What the system refuses, also without naming a file: space, rights, open files, memory.
_REFUSALS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
        *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    }
)
_NO_MEMORY = re.compile("out of memory|can't allocate memory|not enough memory", re.IGNORECASE)
#: Characters of a line about an error; of longer ones the middle is left out.
_LONGEST = 1000
#: Packages whose versions a report has.
_PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmcv-lite', 'numpy', 'scipy', 'opencv-python')


def run_command(name: str, words: Sequence[str], run: Callable[[], int], is_debug: bool) -> int:
    """Run a command, and turn whatever ends it into a status and at most one line.

    Args:
        name: Program and command, which begin the line.
        words: Its arguments, for the report.
        run: Does the work, and returns the status.
        is_debug: Whether errors are shown with their traceback.

    Returns:
        See :class:`Status`. SystemExit passes, for the help and wrong options of argparse.
    """
    _prepare_streams()
    with _end_by_exception():
        try:
            status = run()
            sys.stdout.flush()
        except KeyboardInterrupt:
            return _end_by_signal(name, signal.SIGINT)
        except SystemExit as stop:
            if isinstance(stop.code, int) and stop.code > 128:
                return _end_by_signal(name, stop.code - 128)
            raise
        except Exception as error:
            return _end_by_error(name, words, error, is_debug)
        finally:
            _flush_or_drop()
    return status


def _prepare_streams() -> None:
    """Let names of files that are not UTF-8 be printed, and commands run without terminal."""
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, 'w', encoding='utf-8'))  # noqa: SIM115
        # who reads UTF-8 would fail over the second, which the locale C gives
        elif getattr(stream, 'errors', None) in ('strict', 'surrogateescape') and hasattr(
            stream, 'reconfigure'
        ):
            with suppress(OSError):  # another file has taken its place
                stream.reconfigure(errors='backslashreplace')


def _flush_or_drop() -> None:
    """Write what standard output holds; drop it if nobody takes it, or Python fails at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, 'wb') as nowhere, suppress(OSError):
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


@contextmanager
def _end_by_exception() -> Iterator[None]:
    """Let the signals that end a process do so by an exception; the second one acts at once."""
    is_main = threading.current_thread() is threading.main_thread()
    is_alone = is_main and not any(name in os.environ for name in _LAUNCHED)
    found = [getattr(signal, name) for name in _ENDING if is_alone and hasattr(signal, name)]
    taken = [number for number in found if signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(128 + number)


def _end_by_signal(name: str, number: int) -> int:
    sys.stderr.write(f'{name}: ended by {signal.Signals(number).name}\n')
    return 128 + number


def _end_by_error(name: str, words: Sequence[str], error: Exception, is_debug: bool) -> int:
    """Say what went wrong; returns the status."""
    if isinstance(error, BrokenPipeError) and _has_lost_reader():
        return 128 + signal.SIGPIPE
    line = describe_refusal(error)
    if is_debug:
        sys.stderr.writelines(traceback.format_exception(error))
    elif line is not None:
        sys.stderr.write(f'{name}: error: {line}\n')
    else:
        sys.stderr.write(f'{name}: {_report(name, words, error)}\n')
    return Status.UNEXPECTED if line is None else Status.REFUSED


def _has_lost_reader() -> bool:
    """Tell whether nobody reads standard output any more."""
    if not hasattr(select, 'poll'):  # Windows
        return True
    try:
        output = select.poll()
        output.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in output.poll(0))
    except (OSError, ValueError):  # no file
        return False


def describe_refusal(error: Exception) -> str | None:
    """Say in one line what was refused, by us or by the system; None for anything unexpected."""
    if isinstance(error, PoseNASError):
        return to_line(error)
    if isinstance(error, OSError) and error.strerror:
        if error.filename is not None:
            return f'{os.fsdecode(error.filename)}: {error.strerror}'
        if error.errno in _REFUSALS:
            return f'the system refuses to read or write: {error.strerror}'
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return f'memory must suffice, got: {to_line(error)}; use smaller batches or sizes'
    return None


def to_line(error: Exception) -> str:
    """Give the text of an error in one line; of one in a process that loads data, what it said."""
    text = str(error)
    if 'Original Traceback' in text:
        said = re.split(r'^[\w.]+: ', text, flags=re.MULTILINE)
        text = said[-1]
    line = ' '.join(text.split()) or type(error).__name__
    return (
        line if len(line) <= _LONGEST else f'{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}'
    )


def _report(name: str, words: Sequence[str], error: Exception) -> str:
    """Write a report of an unexpected error; returns the line that tells of it."""
    kind = f'unexpected error: {type(error).__name__}'
    trace = ''.join(traceback.format_exception(error))
    from importlib import metadata  # takes longer than the rest of this file

    versions = [f'posenas {__version__}', f'Python {sys.version}', platform.platform()]
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            versions.append(f'{package} {metadata.version(package)}')
    text = '\n'.join([shlex.join([*name.split(), *words]), f'in {os.getcwd()}', *versions, trace])
    try:
        place, path = tempfile.mkstemp('.txt', 'posenas-report-', text=True)
        with open(place, 'w', encoding='utf-8', errors='backslashreplace') as file:
            file.write(text)
    except OSError:  # nowhere to write to
        return f'{kind}\n{trace}'
    return f'{kind}: {to_line(error)[:300]}; please report it with {path}'
