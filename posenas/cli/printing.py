"""Lines, tables and progress bars: everything that commands show, in one form."""

import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    track,
)
from rich.table import Table
from rich.text import Text

from posenas.utils.telling import show_told

Item = TypeVar('Item')

#: More columns than any table needs.
_ANY_WIDTH = 10_000


class _Console(Console):
    """Console that leaves it to the caller what a reader that has gone means; rich would exit."""

    def on_broken_pipe(self) -> None:
        """Raise the error anew."""
        raise BrokenPipeError


def print_lines(*lines: str) -> None:
    """Write sentences to standard output, as they are."""
    sys.stdout.writelines(f'{line}\n' for line in lines)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    caption: str | None = None,
    left: Sequence[str] | None = None,
    is_plain: bool = False,
    has_total: bool = False,
    is_wrapped: bool = False,
) -> None:
    """Write a table to standard output, without cutting or wrapping its cells.

    Args:
        columns: Headers.
        rows: Cells, one for each header, which may hold several lines; or text and rich's style.
        title: Line above.
        caption: Line below.
        left: Headers of columns that are aligned to the left; the others are to the right. None
            aligns all of them to the left.
        is_plain: Whether a line below the headers is all that is drawn.
        has_total: Whether the last row is set apart.
        is_wrapped: Whether the table fits into the terminal, with its cells wrapped.
    """
    table = Table(
        box=box.SIMPLE_HEAD if is_plain else box.HEAVY_HEAD,
        title=title,
        title_justify='left',
        caption=caption,
        pad_edge=not is_plain,
        padding=(0, 1, 0, 0) if is_plain else (0, 1),
    )
    for column in columns:
        is_left = left is None or column in left
        table.add_column(column, justify='left' if is_left else 'right', no_wrap=not is_wrapped)
    # no cell is markup: names of files and keypoints may look like it
    cells = [[Text(*c) if isinstance(c, tuple) else str(c) for c in row] for row in rows]
    for place, row in enumerate(cells):
        is_total = has_total and place == len(cells) - 1
        if is_total:
            table.add_section()
        table.add_row(*row, style='bold' if is_total else None)
    if is_wrapped:
        _Console(markup=False).print(table)
        return
    width = _Console(width=_ANY_WIDTH, markup=False).measure(table).maximum
    _Console(file=sys.stdout, width=width, markup=False).print(table)


def show_progress(items: Iterable[Item], what: str) -> Iterable[Item]:
    """Yield ``items`` under a progress bar, which disappears at the end."""
    return track(items, what, transient=True, console=_Console())


class Bar:
    """A progress bar.

    Args:
        progress: Where it is shown.
        task: Its number there.
    """

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task
        self._said: str | None = None

    def advance(self, number: int = 1) -> None:
        """Go on by a number."""
        self._progress.advance(self._task, number)

    def update(self, completed: int, total: int, what: str | None = None) -> None:
        """Say how far it is and, where that has changed, of what."""
        self._progress.update(self._task, completed=completed, total=total, description=what)
        if what != self._said and not self._progress.console.is_terminal:
            print_lines(f'{what}: {completed} of {total}')
            self._said = what


class _SpeedColumn(ProgressColumn):
    """How many there are a second."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Return the newest speed."""
        speed = task.finished_speed or task.speed
        return Text('' if speed is None else f'{speed:.1f} {self._unit}/s')


@contextmanager
def show_bar(what: str, total: int | None, unit: str | None = None) -> Iterator[Bar]:
    """Show a progress bar while a block runs.

    Args:
        what: What is counted.
        total: How much it will be; None if it is unknown.
        unit: Of what the speed is shown, such as 'images'; None shows none.
    """
    more = () if unit is None else (_SpeedColumn(unit),)
    columns = (*Progress.get_default_columns(), *more)
    console = _Console()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Bar(progress, progress.add_task(what, total=total))
    if not console.is_terminal:
        print_lines(f'{what}: done')


class Screen:
    """The terminal during a run: lines that stay, and below them a bar where it is a terminal.

    Args:
        progress: The bar, on its console.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None

    def write(self, text: str) -> None:
        """Show lines as they are; the terminal wraps what is too long, so it can be copied."""
        self._print(text, '')

    def show_facts(self, facts: Mapping[str, str]) -> None:
        """Show names and what belongs to them, in two columns."""
        width = max(map(len, facts)) + 2
        for name, text in facts.items():
            self._print(self._wrap(f'{name:{width}}{text}', width), '')

    def tell(self, text: str, is_warning: bool) -> None:
        """Show a line of the log."""
        text = f'warning: {text}' if is_warning else text
        self._print(self._wrap(text, 2), 'yellow' if is_warning else '')

    def _wrap(self, text: str, indent: int) -> str:
        """Wrap a line between words, where there is a terminal; paths and the like stay whole."""
        console = self._progress.console
        if not console.is_terminal:
            return text
        return textwrap.fill(
            text,
            console.width,
            subsequent_indent=' ' * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _print(self, text: str, style: str) -> None:
        self._progress.console.print(
            text, style=style, markup=False, highlight=False, soft_wrap=True
        )

    def move(self, done: int, total: int, what: str, rest: str) -> None:
        """Move the bar: how far, of what, and what else is known."""
        if self._task is None:
            self._task = self._progress.add_task(what, total=total, rest=rest)
            self._progress.start()
        self._progress.update(self._task, completed=done, total=total, description=what, rest=rest)


@contextmanager
def show_screen() -> Iterator[Screen]:
    """Show a run while the block works; a bar that is unfinished disappears."""
    console = _Console()
    columns = (
        TextColumn('{task.description}', markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn('{task.fields[rest]}', markup=False),
    )
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    screen = Screen(progress)
    with show_told(screen.tell):
        try:
            yield screen
        finally:
            progress.stop()
