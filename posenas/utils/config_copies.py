"""Refuse overrides that nothing would read, or that would reach one of several copies alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from posenas.utils.config_schema import RUNNER_KEYS, VARIABLES
from posenas.utils.errors import ConfigError
from posenas.utils.spelling import find_nearest

#: Entry that commands read besides those of the runner.
_CODEC = 'codec'
#: Variable of configs -> where its value is read.
_READ_IN = dict(
    data_root='train_dataloader.dataset.data_root, and that of val and test',
    dataset_type='train_dataloader.dataset.type, and that of val and test',
    data_mode='train_dataloader.dataset.data_mode, and that of val and test',
    max_epochs='train_cfg.max_epochs and param_scheduler',
    train_pipeline='train_dataloader.dataset.pipeline.INDEX.ARGUMENT',
    val_pipeline='val_dataloader.dataset.pipeline.INDEX.ARGUMENT',
    test_pipeline='test_dataloader.dataset.pipeline.INDEX.ARGUMENT',
    vis_backends='visualizer.vis_backends',
)


def check_overrides(
    before: Mapping[str, Any], after: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """Refuse overrides of what is not read, or not there alone.

    mmengine copies values while it reads a file, so a new ``codec`` or ``data_root`` at the top
    would not reach pipelines, head and data sets.

    Args:
        before: The config before the overrides, as plain data.
        after: The config with all of them.
        options: The overrides, dotted key -> value.

    Raises:
        ConfigError: An override would be without effect, or have part of it.
    """
    for key in options:
        top = key.split('.')[0]
        if key.split('.')[-1] == 'data_root':
            old, changed = _look_up(before, key), key
        elif top not in RUNNER_KEYS:
            old, changed = before.get(top), top
        else:
            continue
        copies = find_copies(after, old, changed)
        if copies:
            raise ConfigError(
                f'{key} would reach only one copy: the old value stays in '
                f'{", ".join(copies[:6])}{", ..." if len(copies) > 6 else ""}; override these too '
                'or write a config file'
            )
        if not _is_read(top, before, find_copies(before, old, changed)):
            raise ConfigError(f'nothing reads {key}: {_suggest(top)}')


def find_copies(cfg: Mapping[str, Any], value: object, key: str) -> list[str]:
    """List the places of a config, except ``key``, that hold ``value``.

    Values that could be anywhere by chance, such as True and empty lists, have none.
    """
    if value is None or isinstance(value, bool) or value in ('', [], {}):
        return []
    return [
        place for place, other in _walk(cfg) if not _is_under(place, key) and _is_copy(other, value)
    ]


def _is_read(top: str, before: Mapping[str, Any], copies: list[str]) -> bool:
    """Tell whether an entry of the top level, or each of its copies, has a reader.

    What custom modules read from the config is not known.
    """
    is_custom = top in before and bool(before.get('custom_imports'))
    return top in RUNNER_KEYS or top == _CODEC or is_custom or bool(copies)


def _suggest(top: str) -> str:
    if top in _READ_IN:
        return f'use {_READ_IN[top]}'
    nearest = find_nearest(top, RUNNER_KEYS | VARIABLES)
    if nearest:
        return f'did you mean {nearest!r}?'
    return f'entries of a config are {", ".join(sorted(RUNNER_KEYS))}'


def _is_copy(value: object, old: object) -> bool:
    if isinstance(old, str) and isinstance(value, str):
        return value == old or (old.endswith('/') and value.startswith(old))
    return type(value) is type(old) and value == old


def _is_under(place: str, key: str) -> bool:
    return place == key or place.startswith((f'{key}.', f'{key}['))


def _look_up(cfg: dict, key: str) -> object:
    value: object = cfg
    for part in key.split('.'):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _walk(value: object, place: str = '') -> Iterator[tuple[str, object]]:
    """Yield (dotted place, value) of everything inside a config."""
    if isinstance(value, dict):
        items = [(f'{place}.{key}' if place else str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f'{place}.{index}', item) for index, item in enumerate(value)]
    else:
        return
    for name, item in items:
        yield name, item
        yield from _walk(item, name)
