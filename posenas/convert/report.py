"""What a conversion did to each entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


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


def join_conversions(first: Conversion, second: Conversion) -> Conversion:
    """Tell of two conversions, the second of the first one's result, as of one."""
    between = {name: name for name in first.report.kept} | dict(first.report.renamed)
    moved = {old: second.report.renamed.get(new, new) for old, new in between.items()}
    report = ConversionReport(
        source=first.report.source,
        target=second.report.target,
        renamed={old: new for old, new in moved.items() if old != new},
        kept=tuple(old for old, new in moved.items() if old == new),
        dropped=first.report.dropped,
        unknown=first.report.unknown,
    )
    return Conversion(second.state_dict, report)
