"""Try the goals of reliability and write ``docs/reliability.md``.

PYTHONPATH=tests python -m faults [R1 R6 ...] [--counts saves=100 kills=20] [--tiny]
"""

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from faults import hooks  # noqa: F401  (registers them for the trainings)
from faults.goals import FULL, GOALS, TINY
from faults.outcome import Goal
from faults.report import write_page

ROOT = Path(__file__).resolve().parents[2]
#: The page, and what it is made of: goals that are run later join those that were run.
_PAGE, _RESULTS = ROOT / 'docs' / 'reliability.md', ROOT / 'work_dirs' / 'faults.json'


def main(argv: Sequence[str] | None = None) -> int:
    """Run the goals asked for; returns 1 if a trial failed."""
    args = _parse(argv)
    args.out, args.results = Path(args.out).resolve(), Path(args.results).resolve()
    counts = {**(TINY if args.tiny else FULL), **dict(map(_read_count, args.counts))}
    store = args.results
    results = json.loads(store.read_text()) if store.exists() else {}
    chosen = [goal for goal in GOALS if not args.goals or goal.id in args.goals]
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    for goal in chosen:
        for result in _run(goal, counts, _describe(goal, args, counts)):
            results[goal.id] = result
            store.parent.mkdir(parents=True, exist_ok=True)
            store.write_text(json.dumps(results, indent=1))
            write_page(args.out, results)
    failures = sum(o['failures'] for g in chosen for o in results[g.id]['outcomes'])
    return int(failures > 0)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser('faults', description=__doc__)
    parser.add_argument('goals', nargs='*', metavar='GOAL', help='such as R1 (default: all)')
    parser.add_argument('--counts', nargs='+', default=(), metavar='NAME=N', help=f'of {FULL}')
    parser.add_argument('--tiny', action='store_true', help='as few trials as there can be')
    parser.add_argument('--out', default=str(_PAGE))
    parser.add_argument('--results', default=str(_RESULTS))
    return parser.parse_args(argv)


def _read_count(text: str) -> tuple[str, int]:
    name, _, number = text.partition('=')
    if name not in FULL:
        raise SystemExit(f'--counts must name one of {sorted(FULL)}, got {name!r}')
    return name, int(number)


def _describe(goal: Goal, args: argparse.Namespace, counts: dict[str, int]) -> str:
    changed = [f'{name}={n}' for name, n in counts.items() if n != FULL[name]]
    options = f' COUNTS="{" ".join(changed)}"' if changed else ''
    return f'`make faults GOALS={goal.id}{options}`'


def _run(goal: Goal, counts: dict[str, int], command: str) -> Iterator[dict]:
    """Try one goal in an empty folder of its own; yields all that is known after each part."""
    folder = Path(tempfile.mkdtemp(prefix='faults_'))
    start = time.monotonic()
    print(f'{goal.id} {goal.title}', flush=True)
    here, outcomes = Path.cwd(), []
    os.chdir(folder)
    try:
        for outcome in goal.run(counts, folder):
            print(f'  {outcome.failures} of {outcome.trials}: {outcome.what}', flush=True)
            for message in outcome.messages[:5]:
                print(f'    {message}', flush=True)
            outcomes.append(outcome.to_dict())
            minutes = round((time.monotonic() - start) / 60, 1)
            date = time.strftime('%Y-%m-%d')
            yield dict(outcomes=list(outcomes), command=command, date=date, minutes=minutes)
    finally:
        os.chdir(here)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
