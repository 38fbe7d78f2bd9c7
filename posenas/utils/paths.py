"""Paths that may be addresses, and names that may not be UTF-8."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mmengine.utils import is_abs


def join_path(root: str, path: str) -> str:
    """Return ``path`` as seen from the folder of ``root``, as text.

    Addresses such as ``s3://bucket`` survive, and a path that is absolute stays as it is.
    """
    return path if is_abs(path) else os.path.join(root, path)


def to_utf8(name: str | Path) -> str:
    """Write a file name as UTF-8, other bytes as escapes; OpenCV crashes over them."""
    return os.fsencode(name).decode('utf-8', 'backslashreplace')


@contextmanager
def lend_utf8(path: str | Path) -> Iterator[str]:
    """Lend a path to the file or folder ``path`` that is UTF-8: its own, else that of a link."""
    text = str(path)
    if to_utf8(path) == text:
        yield text
        return
    with TemporaryDirectory() as folder:
        link = Path(folder, f'link{to_utf8(Path(path).suffix)}')
        link.symlink_to(Path(path).absolute())
        yield str(link)
