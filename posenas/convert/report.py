"""What a conversion did to each entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ['Conversion', 'ConversionReport']


@dataclass(frozen=True)
class ConversionReport:
    """What became of every entry of a state dict.

    Attributes:
        source: Whose names it had.
        target: Whose names it has now.
        renamed: Former -> present name of entries that changed theirs.
        kept: Entries that have kept their names.
        dropped: Former name -> reason of entries left out.
        unknown: Those of ``kept`` that are no entries of ``source``.
    """

    source: str
    target: str
    renamed: Mapping[str, str]
    kept: tuple[str, ...]
    dropped: Mapping[str, str]
    unknown: tuple[str, ...]

    def group_dropped(self) -> dict[str, list[str]]:
        """Collect the names of the entries left out by reason."""
        groups: dict[str, list[str]] = {}
        for name, reason in self.dropped.items():
            groups.setdefault(reason, []).append(name)
        return groups


class Conversion(NamedTuple):
    """Converted entries and what was done."""

    state_dict: dict[str, object]
    report: ConversionReport
