"""What came of the trials of one goal."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field


@dataclass
class Outcome:
    """Trials of one goal, or one part of it.

    Attributes:
        what: Fault, and what must hold.
        trials: How often it was tried.
        failures: How often that did not hold.
        figures: Numbers measured beside, as text.
        not_run: Why it was not tried, or not in full; empty where it was.
        messages: What the failures said.
    """

    what: str
    trials: int = 0
    failures: int = 0
    figures: str = ''
    not_run: str = ''
    messages: list[str] = field(default_factory=list)

    def note(self, message: str | None) -> None:
        """Count a trial, a failure if there is a message."""
        self.trials += 1
        if message:
            self.failures += 1
            self.messages.append(message[:400])

    def to_dict(self) -> dict:
        """Return plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Goal:
    """A goal of reliability.

    Attributes:
        id: Number, such as 'R1'.
        title: What is promised.
        run: Tries it, part by part; gets the counts by name and an empty folder.
    """

    id: str
    title: str
    run: Callable[..., Iterable[Outcome]]
