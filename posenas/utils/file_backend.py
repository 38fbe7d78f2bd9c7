"""Atomic writing for mmengine's own files."""

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend
from mmengine.fileio.io import backend_instances

from posenas.utils.atomic_io import atomic_write, write_text


class AtomicLocalBackend(LocalBackend):
    """Local files as mmengine reads and writes them, but written atomically."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; see :func:`atomic_write`."""
        with atomic_write(filepath) as file:
            file.write(obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text; see :func:`atomic_write`."""
        write_text(filepath, obj, encoding)


def register_atomic_backend() -> None:
    """Let all local writes of mmengine (checkpoints, JSON, dumps) be atomic."""
    register_backend('local', AtomicLocalBackend, force=True, prefixes='')
    # mmengine keeps the back ends it has built; those of local files are of the replaced class
    for key in [k for k, b in backend_instances.items() if isinstance(b, LocalBackend)]:
        del backend_instances[key]
