"""Whole files or none: every file that matters is written beside its place, then moved there.

A process killed at any moment leaves the old file or the new one under the name, never a part.
"""

import errno
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from posenas.utils.errors import OutputError

#: End of the names of temporary files; a killed process leaves at most one of them behind.
_SUFFIX = '.part'
#: Bytes that a full disk has no room for, though it still takes names of files.
_BLOCK = 4096


@contextmanager
def atomic_write(path: str | Path, mode: str = 'wb', encoding: str | None = None) -> Iterator[IO]:
    """Open a temporary file that takes the place of ``path`` when the block ends well.

    Missing folders are made. When the block raises, the temporary file is removed and whatever
    stood at ``path`` stays. Symbolic links are followed; a device such as /dev/stdout is opened
    itself, since it cannot be replaced.

    Args:
        path: File to write.
        mode: 'wb' for bytes, 'w' for text.
        encoding: Of text; UTF-8 when not given.

    Yields:
        The open file; its ``name`` is the temporary path, for writers that want a path.

    Raises:
        OutputError: The file cannot be written: full disk, missing right, a file where a folder
            must be.
    """
    encoding = encoding if 'b' in mode else encoding or 'utf-8'
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f'.{target.name}.{secrets.token_hex(4)}{_SUFFIX}')
    device = _is_device(target)
    in_block = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        opened, opening = (target, mode) if device else (temporary, mode.replace('w', 'x'))
        with open(opened, opening, encoding=encoding) as file:
            in_block = True
            yield file
            in_block = False
            file.flush()
            if not device:
                os.fsync(file.fileno())
        if not device:
            _replace(temporary, target)
    except OSError as error:
        # failing writes carry no file name; with one, the block failed over a file of its own
        if isinstance(error, OutputError) or (in_block and error.filename is not None):
            raise
        raise OutputError(
            f'{path} must be writable, got: {_reason(error, target)}; free space, change the path '
            'or its rights; the old file is unchanged'
        ) from error
    finally:
        with suppress(OSError):  # moved already, or never made
            temporary.unlink()


def write_text(path: str | Path, text: str, encoding: str = 'utf-8') -> None:
    """Write ``text`` to ``path`` atomically; see :func:`atomic_write`.

    Names of files that are not UTF-8 become escapes, which JSON and Python turn back.
    """
    with atomic_write(path, 'w', encoding) as file:
        file.write(text.encode(encoding, 'backslashreplace').decode(encoding))


def write_json(path: str | Path, data: object, indent: int | None = None) -> None:
    """Write ``data``, made of plain Python values, to ``path`` as JSON, atomically.

    Raises:
        TypeError: A value has no JSON form.
        OutputError: As in :func:`atomic_write`.
    """
    write_text(path, json.dumps(data, indent=indent, ensure_ascii=False) + '\n')


def append_line(path: str | Path, text: str, size: int | None = None) -> int:
    """Append ``text`` and the end of a line to ``path``: all of it, on disk, or nothing.

    What a killed process left of a line is cut off before, what a full disk took of this one
    afterwards.

    Args:
        path: File of lines.
        text: Line without its end.
        size: Bytes that the file must have, up to the end of its last line; None makes a missing
            file and takes any size.

    Returns:
        Bytes of the file afterwards.

    Raises:
        OutputError: The file cannot be written, or has another size: others write to it.
    """
    line = (text + '\n').encode()
    try:
        flags = os.O_RDWR if size is not None else os.O_RDWR | os.O_CREAT
        with os.fdopen(os.open(path, flags, 0o666), 'r+b', buffering=0) as file:
            start = cut_torn_line(file)
            if size not in (None, start):
                raise OutputError(
                    f'{path} must be written by one process alone, got {start} bytes instead of '
                    f'{size}: end the other process, then continue'
                )
            try:
                _write_all(file, line)
            except OSError:
                file.truncate(start)
                raise
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f'{path} must be writable, got: {_reason(error, Path(path))}; free space or change its '
            'rights, then continue: what it held is unchanged'
        ) from error
    return start + len(line)


def cut_torn_line(file: IO[bytes]) -> int:
    """Cut off what follows the last end of a line; returns the size that is left, bytes."""
    size = file.seek(0, os.SEEK_END)
    end, step = size, 1 << 16
    while end > 0:
        start = max(0, end - step)
        file.seek(start)
        found = file.read(end - start).rfind(b'\n')
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        file.truncate(end)
    file.seek(end)
    return end


def _write_all(file: IO[bytes], content: bytes) -> None:
    """Write all of ``content`` to an unbuffered file: a single call may take a part of it."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def make_folder(path: str | Path) -> Path:
    """Make sure that the folder ``path`` exists and files can be written into it.

    Raises:
        OutputError: It cannot be made or written to.
    """
    folder = Path(path)
    probe = folder / f'.{secrets.token_hex(4)}{_SUFFIX}'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(bytes(_BLOCK))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f'{path} must be a folder to write to, got: {_reason(error, probe)}; free space, '
            'change the path or its rights'
        ) from error
    return folder


def check_writable(path: str | Path) -> None:
    """Require that a file ``path`` could be written, without writing anything.

    Raises:
        OutputError: It is a folder, a file is where a folder must be, or a right is missing.
    """
    target = Path(os.path.realpath(path))
    folder = next(folder for folder in target.parents if folder.exists())
    if target.is_dir():
        reason = 'it is a folder'
    elif not folder.is_dir():
        reason = f'{folder} is a file where a folder must be'
    elif not os.access(target if target.exists() else folder, os.W_OK):
        reason = os.strerror(errno.EACCES)
    else:
        return
    raise OutputError(f'{path} must be writable, got: {reason}; change the path or its rights')


def remove_leftovers(folder: str | Path, pattern: str) -> None:
    """Delete temporary files that killed processes left of files called like ``pattern``.

    Only for folders that no other process writes to.

    Args:
        folder: Folder of the finished files; it need not exist.
        pattern: Glob pattern of their names, such as '*.pth'.
    """
    for path in Path(folder).glob(f'.{pattern}.*{_SUFFIX}'):
        path.unlink(missing_ok=True)


def _is_device(path: Path) -> bool:
    """Tell whether ``path`` exists and is neither a regular file nor a folder."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _reason(error: OSError, target: Path) -> str:
    """Say why writing failed; the system's text for a file in place of a folder misleads."""
    blocking = next((folder for folder in target.parents if folder.is_file()), None)
    if blocking is not None:
        return f'{blocking} is a file where a folder must be'
    return error.strerror or str(error)


def _replace(temporary: Path, target: Path) -> None:
    """Move ``temporary`` to ``target`` such that the move survives a power failure."""
    if target.is_file():
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    os.replace(temporary, target)
    if os.name == 'posix':
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network file systems cannot synchronise folders
                os.fsync(folder)
        finally:
            os.close(folder)
