"""Overrides in the words of other projects, on configs of today: translated, or refused.

Nothing is ignored: each old setting becomes today's, with a line that says so, or an error with
the key to use.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from posenas.utils.errors import ConfigError
from posenas.utils.hrnet_settings import RULES as HRNET_RULES
from posenas.utils.mmpose0_settings import INSTEAD
from posenas.utils.mmpose0_settings import RULES as MMPOSE0_RULES
from posenas.utils.old_rules import Notice, Options, Refusal, Rule, Value
from posenas.utils.telling import tell

_RULES = MMPOSE0_RULES | HRNET_RULES


def translate_settings(cfg: Mapping[str, Any], options: Mapping[str, Any]) -> Options:
    """Return ``options`` with today's keys in the place of old ones.

    Args:
        cfg: Config that they change, as plain data.
        options: Dotted key -> value.

    Raises:
        ConfigError: An old setting has no counterpart; the text says what to use.
    """
    today: Options = {}
    for key, value in _take_apart(options):
        rule, rest = _find_rule(key)
        if rule is None:
            today[key] = value
            continue
        new = _apply(rule, rest, cfg, key, value)
        tell(f'{key}={value!r} {_tell(rule, new)}')
        today |= new
    return today


def _take_apart(options: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    """Yield (key, value), each dict as its entries where only these have rules."""
    for key, value in options.items():
        has_parts = key != 'model' and any(name.startswith(f'{key}.') for name in _RULES)
        if isinstance(value, Mapping) and value and has_parts and key not in _RULES:
            yield from _take_apart({f'{key}.{name}': item for name, item in value.items()})
        else:
            yield key, value


def _find_rule(key: str) -> tuple[Rule | None, str]:
    """Find the rule for the longest beginning of ``key``, and what is left of ``key``."""
    parts = key.split('.')
    for count in range(len(parts), 0, -1):
        rule = _RULES.get('.'.join(parts[:count]))
        rest = '.'.join(parts[count:])
        if rule is not None and not (rest and callable(rule)):
            return rule, rest
    return (Refusal(INSTEAD[parts[0]]), '') if parts[0] in INSTEAD else (None, '')


def _apply(rule: Rule, rest: str, cfg: Mapping[str, Any], key: str, value: Value) -> Options:
    if isinstance(rule, Notice):
        return {}
    if isinstance(rule, Refusal):
        raise ConfigError(f'{key} is an old setting that nothing reads here: use {rule}')
    if callable(rule):
        return rule(cfg, key, value)
    return {f'{place}.{rest}' if rest else place: value for place in rule}


def _tell(rule: Rule, new: Options) -> str:
    """Say what became of a setting."""
    if isinstance(rule, Notice):
        return f'changes nothing here: {rule}'
    read = ' '.join(f'{name}={value!r}' for name, value in new.items())
    return f'is read as {read}' if new else 'is what the config says already'
