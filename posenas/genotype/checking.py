"""Checks of JSON values whose errors name the place."""

from collections.abc import Collection, Mapping
from math import isfinite

from posenas.utils import ConfigError


def to_plain(value: object, where: str) -> object:
    """Copy whatever a config gave into dicts, lists and numbers that JSON can hold.

    Raises:
        ConfigError: A value has no JSON form; NaN and infinity have none.
    """
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, f'{where}.{key}') for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item, f'{where}[{i}]') for i, item in enumerate(value)]
    if (
        value is None
        or type(value) in {str, bool, int}
        or (type(value) is float and isfinite(value))
    ):
        return value
    raise ConfigError(f'{where} must be plain JSON with finite numbers, got {value!r}')


def check_keys(
    where: str, value: object, required: Collection[str], optional: Collection[str] = ()
) -> None:
    """Require a mapping with all of ``required`` and nothing beside ``optional``.

    Raises:
        ConfigError: It is none, lacks a key or has another one.
    """
    if not isinstance(value, dict):
        raise ConfigError(f'{where} must be a mapping with {sorted(required)}, got {value!r}')
    missing = sorted(set(required) - value.keys())
    if missing:
        raise ConfigError(f'{where} must have the keys {sorted(required)}: add {missing}')
    unknown = sorted(value.keys() - {*required, *optional})
    if unknown:
        known = sorted({*required, *optional})
        raise ConfigError(f'{where} has unknown keys {unknown}: use {known}, or remove them')


def check_list(where: str, value: object) -> list:
    """Return ``value`` if it is a list.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(value, list):
        raise ConfigError(f'{where} must be a list, got {value!r}')
    return value


def check_text(where: str, value: object, choices: Collection[str] | None = None) -> str:
    """Return ``value`` if it is a non-empty string, and one of ``choices`` where these are given.

    Raises:
        ConfigError: It is not.
    """
    if not isinstance(value, str) or not value or (choices is not None and value not in choices):
        wanted = 'a non-empty string' if choices is None else f'one of {list(choices)}'
        raise ConfigError(f'{where} must be {wanted}, got {value!r}')
    return value


def check_integer(where: str, value: object, low: int, high: int | None = None) -> int:
    """Return ``value`` if it is an integer of at least ``low`` and at most ``high``.

    Raises:
        ConfigError: It is not; True and False are no integers here.
    """
    if type(value) is not int or value < low or (high is not None and value > high):
        wanted = f'from {low} on' if high is None else f'in {low}..{high}'
        raise ConfigError(f'{where} must be an integer {wanted}, got {value!r}')
    return value
