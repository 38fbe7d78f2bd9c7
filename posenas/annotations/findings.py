"""What a reader found in a file: reasons to refuse it, and what it made of the rest."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmengine.logging import print_log

from posenas.utils.errors import DataError

#: Places that one line names.
_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or one kind of thing that was put right.

    Attributes:
        severity: 'error' where data is unusable or refused, 'warning' where it is doubtful or was
            put right.
        kind: What is wrong, the same words each time.
        place: Where, such as ``annotations[3] (id 12)`` or the name of an image.
        text: What must hold, or what it means.
        number: How many places it stands for.
    """

    severity: str
    kind: str
    place: str
    text: str
    number: int = 1


class Findings(list[Finding]):
    """Findings in one file, in the order in which they were met.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def refuse(self, kind: str, place: str, text: str) -> None:
        """Add what no reader of the file can do without."""
        self.append(Finding('error', kind, place, text))

    def note(self, kind: str, places: Sequence[str], text: str) -> None:
        """Add what was made of all these places; nothing if there are none."""
        if places:
            shown = ', '.join(places[:_SHOWN]) + (', ...' if len(places) > _SHOWN else '')
            self.append(Finding('warning', kind, shown, text, len(places)))

    def require(self) -> None:
        """Refuse the file if anything in it must be refused.

        Raises:
            DataError: With the first reason and the number of others.
        """
        reasons = [finding for finding in self if finding.severity == 'error']
        if not reasons:
            return
        first, more = reasons[0], len(reasons) - 1
        rest = f' (and {more} more errors: posenas check-data lists them)' if more else ''
        place = '' if first.place == self.path else f': {first.place}'
        raise DataError(f'{self.path}{place} {first.text}{rest}')


def announce(path: str, findings: Iterable[Finding]) -> None:
    """Log one line for each kind of thing that was put right in a file, or in several."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for each in findings:
        if each.severity == 'warning':
            found.setdefault((each.kind, each.text), []).append(each)
    for (kind, text), same in found.items():
        number = sum(each.number for each in same)
        line = f'{path}: {number} x {kind} ({same[0].place}): {text}'
        print_log(line, logger='current', level=logging.WARNING)
