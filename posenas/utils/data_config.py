"""Configs in YAML and JSON, which are data: nothing that they or their bases name may run."""

from collections.abc import Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any

from mmengine.config import Config

from posenas.utils.errors import ConfigError
from posenas.utils.files import read_json, read_yaml

#: Packages whose registries the classes of a config may come from, without an import of its own.
SCOPES = ('mmengine', 'mmpose', 'posenas')

#: Keys by which a config would import what it names, and which therefore only Python may have.
_IMPORTING = ('custom_imports', 'sys_path')
_SUFFIXES = ('.json', '.yaml', '.yml')


def read_data_config(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a config and merge it over its ``_base_`` files, which are data as well.

    Args:
        path: ``.json``, ``.yaml`` or ``.yml`` file.
        above: Files that have this one as a base.

    Raises:
        ConfigError: A file has another suffix, is no mapping, or holds what would run code; bases
            share a key or go in a circle.
        DataError: A file cannot be read.
    """
    if path.suffix not in _SUFFIXES:
        raise ConfigError(
            f'a config must end in .py, or in {" or ".join(_SUFFIXES)} as data, whose _base_ files '
            f'are data too, got {path}'
        )
    file = path.resolve()
    if file in above:
        raise ConfigError(f'_base_ must not lead back to {path}')
    content = read_json(path) if path.suffix == '.json' else read_yaml(path)
    if not isinstance(content, dict):
        raise ConfigError(f'{path} must be a mapping, got {type(content).__name__}')
    bases = content.pop('_base_', None) or []
    _check(content, path)
    merged: dict[str, Any] = {}
    for base in bases if isinstance(bases, list) else [bases]:
        inherited = read_data_config(path.parent / str(base), (*above, file))
        if shared := merged.keys() & inherited.keys():
            raise ConfigError(f'the bases of {path} must not share keys, got {sorted(shared)}')
        merged.update(inherited)
    return Config._merge_a_into_b(content, merged)


def _check(content: Mapping, path: Path) -> None:
    """Refuse what would run code when it is read or built, or when it is written in Python."""
    for name in content:
        if not (isinstance(name, str) and name.isidentifier()) or iskeyword(name):
            raise ConfigError(f'{path}: entries of a config must be names, got {name!r:.80}')
    for place, value in _iterate(content, ''):
        key = place.rpartition('.')[2]
        if key in _IMPORTING:
            raise ConfigError(
                f'{path}: {place} imports code, which only a config in Python may do: write it as '
                'one, if its author is trusted'
            )
        if key in ('_scope_', 'default_scope') and value is not None and value not in SCOPES:
            raise ConfigError(f'{path}: {place} must be one of {SCOPES}, got {value!r}')
        if isinstance(value, str) and value.endswith('.py') and Path(value).is_file():
            raise ConfigError(
                f'{path}: {place} names {value}, which would run: a config in YAML or JSON may '
                'name files of data alone'
            )


def _iterate(value: object, place: str) -> Iterator[tuple[str, object]]:
    """Yield (dotted place, value) of all entries, outer ones first."""
    entries = value.items() if isinstance(value, Mapping) else ()
    for key, item in enumerate(value) if isinstance(value, list) else entries:
        path = f'{place}.{key}' if place else str(key)
        yield path, item
        yield from _iterate(item, path)
