"""Tables on standard output."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ['print_table']

#: More columns than any table needs.
_ANY_WIDTH = 10_000


def print_table(table: 'Table') -> None:
    """Write a table without cutting or wrapping its cells; a terminal may wrap long lines."""
    from rich.console import Console

    width = Console(width=_ANY_WIDTH).measure(table).maximum
    Console(file=sys.stdout, width=width).print(table)
