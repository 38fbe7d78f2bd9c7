"""The page of all goals."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from faults.goals import GOALS

_HEAD = """# Reliability, measured

Faults are provoked on purpose and counted. A failure is a trial after which the promise did not
hold.
`make faults` repeats all of it (hours), `make faults GOALS="R1 R6"` a part, and writes this page.
The networks are tiny, so that a kill hits a write; what was not run is listed with its reason.

"""
_COLUMNS = ('goal', 'fault, and what must hold', 'trials', 'failures', 'figures')


def write_page(path: Path, results: Mapping[str, Mapping]) -> None:
    """Write the page.

    Args:
        path: File of the page.
        results: Goal -> ``outcomes``, ``date``, ``minutes``, ``command``, as run last.
    """
    lines = [_HEAD]
    machine = f'{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}'
    lines.append(f'Machine: {machine}, torch {torch.__version__}.\n\n')
    rows, missing = [], []
    for goal in GOALS:
        result = results.get(goal.id)
        if result is None:
            missing.append(f'- {goal.id}, {goal.title}: not run yet')
            continue
        for outcome in result['outcomes']:
            if outcome['not_run']:
                missing.append(f'- {goal.id}, {outcome["what"]}: {outcome["not_run"]}')
            if outcome['trials']:
                numbers = str(outcome['trials']), str(outcome['failures'])
                rows.append((goal.id, outcome['what'], *numbers, outcome['figures']))
    lines += _align([_COLUMNS, *rows])
    lines.append('\n## Commands\n\n')
    commands = [
        (
            goal.id,
            results[goal.id]['command'],
            results[goal.id]['date'],
            results[goal.id]['minutes'],
        )
        for goal in GOALS
        if any(outcome['trials'] for outcome in results.get(goal.id, {}).get('outcomes', ()))
    ]
    lines += _align([('goal', 'command', 'date', 'minutes'), *commands])
    lines.append('\n## Not run\n\n')
    lines.append('\n'.join(missing or ['Everything was run.']) + '\n')
    failed = [
        f'- {goal.id}, {outcome["what"]}: {_flatten(message)}'
        for goal in GOALS
        if goal.id in results
        for outcome in results[goal.id]['outcomes']
        for message in outcome['messages'][:5]
    ]
    if failed:
        lines.append('\n## Failures\n\n' + '\n'.join(failed) + '\n')
    path.write_text(''.join(lines), encoding='utf-8')


def _flatten(message: str) -> str:
    return ' '.join(message.split())


def _align(rows: Sequence[Sequence[object]]) -> list[str]:
    """Write rows of a table with columns of equal width, numbers to the right."""
    texts = [[str(cell).replace('|', '/') for cell in row] for row in rows]
    widths = [max(3, *map(len, column)) for column in zip(*texts, strict=True)]
    numeric = [
        all(cell.replace('.', '').isdigit() for cell in c[1:]) for c in zip(*texts, strict=True)
    ]
    rule = [('-' * (w - 1) + ':') if n else '-' * w for w, n in zip(widths, numeric, strict=True)]
    lines = []
    for row in (texts[0], rule, *texts[1:]):
        cells = [
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, numeric, strict=True)
        ]
        lines.append('| ' + ' | '.join(cells) + ' |\n')
    return lines
