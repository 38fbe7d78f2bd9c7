"""The one place that reads files of data; whatever their suffix, nothing in them runs.

Importing it takes the loaders of pickles and of YAML with objects away from mmengine too, whose
data sets and configs would otherwise choose them by the suffix of a file.
"""

import gc
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
import yaml
from mmengine import fileio
from mmengine.fileio.handlers import PickleHandler, YamlHandler

from posenas.utils.errors import DataError


@fileio.register_handler(['yaml', 'yml'])
class PlainYamlHandler(YamlHandler):
    """Reads plain values where mmengine's own handler makes any object."""

    def load_from_fileobj(self, file: IO, **_: Any) -> object:
        """Parse an open file."""
        return yaml.safe_load(file)


@fileio.register_handler(['pickle', 'pkl'])
class WriteOnlyPickleHandler(PickleHandler):
    """Writes pickles, for the tools that read MMPose's results, and refuses to read them."""

    def load_from_fileobj(self, file: IO, **_: Any) -> object:
        """Refuse an open file.

        Raises:
            DataError: Always.
        """
        name = getattr(file, 'name', 'the file')
        raise DataError(f'{name} must be plain data, got a pickle, which may run code: use JSON')


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Keep the collector from walking millions of new JSON objects again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _reason(error: Exception) -> str:
    """Say why a file cannot be read, without the number and the path of the system's text."""
    return getattr(error, 'strerror', None) or str(error)


def read_json(path: str | Path, backend_args: Mapping | None = None) -> Any:  # noqa: ANN401
    """Read a JSON file, also one compressed by gzip (``.gz``).

    Args:
        path: File, or address that mmengine's file backends understand.
        backend_args: Arguments of that backend.

    Raises:
        DataError: It cannot be read, or is not JSON.
    """
    try:
        data = fileio.get(str(path), backend_args)
        with _without_garbage_collection():
            return json.loads(gzip.decompress(data) if str(path).endswith('.gz') else data)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise DataError(f'{path} must be a readable JSON file, got: {_reason(error)}') from error


def read_yaml(path: str | Path) -> Any:  # noqa: ANN401  (whatever the file holds)
    """Read a YAML file of plain values.

    Raises:
        DataError: It cannot be read, is not YAML, or asks for objects.
    """
    try:
        return yaml.safe_load(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = ' '.join(_reason(error).split())
        raise DataError(f'{path} must be a readable YAML file, got: {reason}') from error


def read_arrays(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays of numbers or text by name from an ``.npz`` file.

    Raises:
        DataError: The file cannot be read, lacks an array, or one holds objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:  # noqa: TID251
            return {name: file[name] for name in names}
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, BadZipFile) as error:
        raise DataError(
            f'{path} must be an .npz file with {", ".join(names)}, got: {_reason(error)}'
        ) from error
