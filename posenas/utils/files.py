"""The one place that reads files of data; whatever their suffix, nothing in them runs.

Importing it takes the loaders of pickles and of YAML with objects away from mmengine too, whose
data sets and configs would otherwise choose them by the suffix of a file.
"""

import gc
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np
import yaml
from mmengine import fileio
from mmengine.fileio.handlers import PickleHandler, YamlHandler

from posenas.utils.errors import DataError
from posenas.utils.value_types import fits_type

#: Levels of values in values, far more than data has, and values that aliases of YAML may make.
_DEEPEST, _MOST = 100, 1_000_000
_CHUNK = 1 << 20


@fileio.register_handler(['yaml', 'yml'])
class PlainYamlHandler(YamlHandler):
    """Reads plain values where mmengine's own handler makes any object."""

    def load_from_fileobj(self, file: IO, **_: Any) -> object:
        """Parse an open file."""
        return _read_yaml(file.read())


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


def _has_deep_brackets(data: bytes) -> bool:
    """Tell whether more brackets are open somewhere, also in text, than values may nest."""
    steps = np.zeros(256, np.int8)
    steps[list(b'[{')], steps[list(b']}')] = 1, -1
    values, level = np.frombuffer(data, np.uint8), 0
    for start in range(0, len(values), _CHUNK):
        levels = steps[values[start : start + _CHUNK]].cumsum(dtype=np.int64) + level
        if levels.max() > _DEEPEST:
            return True
        level = int(levels[-1])
    return False


def _check_depth(content: object) -> None:
    """Refuse values in values in values, which readers follow by recursion.

    Raises:
        ValueError: They nest deeper than :data:`_DEEPEST`.
    """
    layer, depth = [content], 0
    while layer := [value for value in layer if isinstance(value, dict | list)]:
        depth += 1
        if depth > _DEEPEST:
            raise ValueError(f'lists and objects in each other, more than {_DEEPEST} deep')
        inner = [value.values() if isinstance(value, dict) else value for value in layer]
        layer = [*chain.from_iterable(inner)]


def _read_yaml(data: bytes | str) -> object:
    """Parse YAML whose aliases let it neither hold itself nor grow beyond all bounds.

    Raises:
        ValueError: They do.
        yaml.YAMLError: It is no YAML.
    """
    content = yaml.safe_load(data)
    if _count(content, {}) > _MOST:
        raise ValueError(f'aliases that make more than {_MOST:,} values of it')
    return content


def _count(value: object, counts: dict[int, int]) -> int:
    """Count the values in ``value``, each as often as it occurs."""
    if not isinstance(value, dict | list | tuple):
        return 1
    if id(value) not in counts:
        counts[id(value)] = 0
        items = value.values() if isinstance(value, dict) else value
        counts[id(value)] = 1 + sum(_count(item, counts) for item in items)
    elif not counts[id(value)]:
        raise ValueError('a value that holds itself')
    return counts[id(value)]


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
        data = gzip.decompress(data) if str(path).endswith('.gz') else data
        with _without_garbage_collection():
            content = json.loads(data)
        if _has_deep_brackets(data):
            _check_depth(content)
        return content
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise DataError(f'{path} must be a readable JSON file, got: {_reason(error)}') from error


def read_object(path: str | Path, entries: Mapping[str, type]) -> dict[str, Any]:
    """Read a JSON file of one object.

    Args:
        path: The file.
        entries: What it must have: name -> type.

    Raises:
        DataError: It cannot be read, or lacks an entry.
    """
    return _check_entries(read_json(path), entries, str(path))


def read_records(path: str | Path, entries: Mapping[str, type]) -> list[dict[str, Any]]:
    """Read a file with one JSON object in each line.

    What follows the last end of a line counts if it is complete: a killed writer leaves a part.

    Args:
        path: The file.
        entries: What each object must have: name -> type.

    Raises:
        DataError: It cannot be read, or a line is no such object.
    """
    try:
        *lines, rest = Path(path).read_text(encoding='utf-8').split('\n')
    except (OSError, ValueError) as error:
        raise DataError(f'{path} must be readable text, got: {_reason(error)}') from error
    records = []
    for number, line in enumerate([*lines, rest], start=1):
        try:
            record = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            record = line[:80]
        if record is not None and (isinstance(record, dict) or number <= len(lines)):
            records.append(_check_entries(record, entries, f'line {number} of {path}'))
    return records


def _check_entries(content: object, entries: Mapping[str, type], what: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise DataError(f'{what} must be a JSON object, got {content!r:.80}')
    wrong = [name for name, kind in entries.items() if not fits_type(content.get(name), kind)]
    if wrong:
        kinds = ', '.join(f'{name} ({entries[name].__name__})' for name in wrong)
        raise DataError(f'{what} must have {kinds}, got {content!r:.80}')
    return content


def read_yaml(path: str | Path) -> Any:  # noqa: ANN401  (whatever the file holds)
    """Read a YAML file of plain values.

    Raises:
        DataError: It cannot be read, is not YAML, or asks for objects.
    """
    try:
        return _read_yaml(Path(path).read_bytes())
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
        reason = _reason(error)
        if 'pickle' in reason:  # NumPy goes on to advise loading it all the same
            reason = 'objects, which could run code, or a file of another kind'
        raise DataError(
            f'{path} must be an .npz file with {", ".join(names)}, got: {reason}'
        ) from error
