"""Lines, tables and progress bars: everything that commands show, in one form."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich import box
from rich.console import Console
from rich.progress import Progress, TaskID, track
from rich.table import Table
from rich.text import Text

Item = TypeVar('Item')

#: More columns than any table needs.
_ANY_WIDTH = 10_000


class _Console(Console):
    """Console that leaves it to the caller what a reader that has gone means; rich would exit."""

    def on_broken_pipe(self) -> None:
        """Raise the error anew."""
        raise BrokenPipeError


def print_lines(lines: Iterable[str]) -> None:
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

    def advance(self, number: int = 1) -> None:
        """Go on by a number."""
        self._progress.advance(self._task, number)

    def update(self, completed: int, total: int, what: str | None = None) -> None:
        """Say how far it is and, where that has changed, of what."""
        self._progress.update(self._task, completed=completed, total=total, description=what)


@contextmanager
def show_bar(what: str, total: int | None) -> Iterator[Bar]:
    """Show a progress bar while a block runs.

    Args:
        what: What is counted.
        total: How much it will be; None if it is unknown.
    """
    with Progress(console=_Console()) as progress:
        yield Bar(progress, progress.add_task(what, total=total))
