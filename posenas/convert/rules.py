"""Rename the entries of state dicts by a table that also runs backwards."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from posenas.utils import CheckpointError

Value = TypeVar('Value')

#: Placeholder of a template -> what it stands for.
_PLACEHOLDERS = {'{i}': r'(?P<i>\d+)', '{leaf}': r'(?P<leaf>[^.]+)', '{rest}': r'(?P<rest>.+)'}


@dataclass(frozen=True)
class Rename:
    """Two spellings of the same entries.

    In both, ``{i}`` stands for a number, ``{leaf}`` for a name without dots and ``{rest}`` for any
    name; a placeholder of one must be in the other.

    Attributes:
        source: Template of names in the one dialect, such as ``'keypoint_head.{rest}'``.
        target: Template in the other, such as ``'head.{rest}'``.
    """

    source: str
    target: str

    def __post_init__(self) -> None:
        if _find_placeholders(self.source) != _find_placeholders(self.target):
            raise ValueError(
                'both templates must have the same placeholders, got '
                f'{self.source!r} and {self.target!r}'
            )

    def apply(self, name: str) -> str | None:
        """Return the target's spelling of ``name``, or None if the source does not match it."""
        match = re.fullmatch(_to_pattern(self.source), name)
        return None if match is None else self.target.format(**match.groupdict())


def invert_rules(rules: Iterable[Rename]) -> list[Rename]:
    """Return the table that leads back; keeps the order."""
    return [Rename(rule.target, rule.source) for rule in rules]


def rename_entries(entries: Mapping[str, Value], rules: Sequence[Rename]) -> dict[str, Value]:
    """Rename every entry by the first rule that matches; others keep their names.

    Raises:
        CheckpointError: Two entries would get one name.
    """
    renamed: dict[str, Value] = {}
    for name, value in entries.items():
        candidates = (rule.apply(name) for rule in rules)
        new = next((candidate for candidate in candidates if candidate is not None), name)
        if new in renamed:
            raise CheckpointError(
                f'entries must stay distinct when renamed, but {name!r} and another one both '
                f'become {new!r}: the file mixes naming schemes'
            )
        renamed[new] = value
    return renamed


def _find_placeholders(template: str) -> set[str]:
    return {holder for holder in _PLACEHOLDERS if holder in template}


def _to_pattern(template: str) -> str:
    pattern = re.escape(template)
    for holder, group in _PLACEHOLDERS.items():
        pattern = pattern.replace(re.escape(holder), group)
    return pattern
