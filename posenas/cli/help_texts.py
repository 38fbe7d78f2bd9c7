"""How the help texts of commands are wrapped."""

import argparse
import re
import textwrap
from typing import Any

#: Choices that an error lists, and options in a usage.
FEW = 10
#: Paragraphs of help texts that have lines of their own.
_KEPT = ('examples:', 'commands:', 'exit statuses:')


class HelpFormatter(argparse.HelpFormatter):
    """Wraps paragraphs, and lines of examples and tables each by itself."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        paragraphs = text.split('\n\n')
        return '\n\n'.join(
            '\n'.join(_wrap(line, width, p.startswith(_KEPT[0])) for line in p.split('\n'))
            if p.startswith(_KEPT)
            else fill(p, width, indent)
            for p in paragraphs
        )

    def _format_usage(self, usage: Any, actions: Any, groups: Any, prefix: Any) -> str:  # noqa: ANN401
        """Leave options that may be left out to the list below, where they are many."""
        actions = list(actions)
        free = [each for each in actions if each.option_strings and not each.required]
        if usage is not None or len(free) <= FEW:
            return super()._format_usage(usage, actions, groups, prefix)
        needed = [each for each in actions if each not in free]
        text = super()._format_usage(usage, needed, [], prefix)
        return text.replace(self._prog, f'{self._prog} [options]', 1)


def _wrap(line: str, width: int, is_command: bool) -> str:
    """Wrap a line of a table, or a command so that it can still be copied.

    An option stays beside its value.
    """
    if len(line) <= width:
        return line
    if is_command:
        line = re.sub(r'(--[\w-]+) (?!--)', '\\1\0', line)
    column = 6 if is_command else re.match(r'  .+?  +|', line).end()  # type: ignore[union-attr]
    rows = textwrap.wrap(
        line,
        width - 2 * is_command,
        subsequent_indent=' ' * column,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return (' \\\n' if is_command else '\n').join(rows).replace('\0', ' ')
