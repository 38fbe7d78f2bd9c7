"""Show what searches have found so far, and what to compare it with."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser
from posenas.cli.search_rank import add_rank_parser, run_rank
from posenas.cli.search_sample import add_sample_parser, run_sample
from posenas.cli.tables import print_table
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from posenas.search import Record
    from posenas.visualization import TradePoint

__all__ = ['build_parser', 'main']


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas search``."""
    parser = CommandParser(
        'search',
        'Show what a search has found so far, and what to compare it with.',
        epilog='A search itself is a training: posenas train with a config of configs/search.',
    )
    actions = parser.add_subparsers(
        dest='action', required=True, metavar='ACTION', parser_class=argparse.ArgumentParser
    )
    show = actions.add_parser('show', help='list the best architectures, and draw all of them')
    show.add_argument('archive', help='work dir of a search, or its archive.jsonl')
    show.add_argument(
        '--top', type=int, default=10, metavar='N', help='rows of the table (default: 10)'
    )
    show.add_argument(
        '--sort',
        metavar='NAME',
        help='score or cost to sort by (default: the first objective of the search)',
    )
    show.add_argument('--page', metavar='FILE.html', help='draw score over cost as a web page')
    show.add_argument('--x', metavar='COST', help='across in the page (default: the first cost)')
    show.add_argument(
        '--y', metavar='SCORE', help='upward in the page (default: the first objective)'
    )
    show.add_argument(
        '--mark',
        nargs='+',
        default=(),
        metavar='NAME=COST,SCORE',
        help='networks to compare with in the page, such as "S-ViPNAS-Res50=1.46e9,0.711"',
    )
    add_sample_parser(actions)
    add_rank_parser(actions)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas search``; returns its exit code.

    Raises:
        ConfigError: An option names no score or cost, or an archive or config does not hold it.
        DataError: An archive is missing or damaged.
    """
    args = build_parser().parse_args(argv)
    return _ACTIONS[args.action](args)


def _show(args: argparse.Namespace) -> int:
    if args.top < 1:
        raise ConfigError(f'--top must be at least 1, got {args.top}')
    from posenas.search import find_front, read_archive

    path = Path(args.archive)
    path = path / 'archive.jsonl' if path.is_dir() else path
    header, records = read_archive(path)
    good = [record for record in records if record.status == 'ok']
    if not good:
        raise ConfigError(f'{path} must hold an architecture with scores, got {len(records)} lines')
    objectives = header['algorithm']['objectives']
    front = {record.trial for record in find_front(good, objectives)}
    name = args.sort or next(iter(objectives))
    is_greater = objectives.get(name, 'less' if name in good[0].costs else 'greater') == 'greater'
    ranked = sorted(good, key=lambda r: (-r.value(name) if is_greater else r.value(name), r.trial))
    _print(ranked[: args.top], front)
    goals = ', '.join(f'{key} ({better} is better)' for key, better in objectives.items())
    sys.stdout.write(
        f'{len(records)} architectures, {len(records) - len(good)} failed; * marks the '
        f'{len(front)} that no other beats in {goals}\n'
    )
    if args.page:
        _write_page(args, good, objectives, path)
        sys.stdout.write(f'{args.page} holds the drawing\n')
    return 0


def _print(records: Sequence['Record'], front: set[int]) -> None:
    from rich.table import Table

    scores, costs = list(records[0].scores), list(records[0].costs)
    table = Table('trial', 'wave', 'architecture', *scores, *costs, 'parents', 'front')
    for column in table.columns:
        column.no_wrap = True
        column.justify = 'left' if column.header in ('architecture', 'parents') else 'right'
    for record in records:
        figures = [f'{record.value(name):.6g}' for name in (*scores, *costs)]
        parents = ' '.join(map(str, record.parents))
        mark = '*' if record.trial in front else ''
        row = (record.trial, record.generation, record.id, *figures, parents, mark)
        table.add_row(*map(str, row))
    print_table(table)


def _write_page(
    args: argparse.Namespace,
    records: Sequence['Record'],
    objectives: Mapping[str, str],
    path: Path,
) -> None:
    """Draw score over cost; the front shown is that of these two."""
    from posenas.search import find_front
    from posenas.visualization import Axis, TradePoint, write_pareto_page

    y = args.y or next(iter(objectives))
    x = args.x or next(iter(records[0].costs), None)
    if x is None:
        raise ConfigError('--x must name a score: the search has counted no cost')
    axes = {x: objectives.get(x, 'less'), y: objectives.get(y, 'greater')}
    front = {record.trial for record in find_front(records, axes)}
    points = [
        TradePoint(r.id, r.value(x), r.value(y), r.trial in front, f'trial {r.trial}')
        for r in records
    ]
    write_pareto_page(
        args.page,
        points,
        Axis(x, axes[x]),
        Axis(y, axes[y]),
        f'Search in {path.parent.name}',
        [_read_mark(word) for word in args.mark],
    )


def _read_mark(word: str) -> 'TradePoint':
    from posenas.visualization import TradePoint

    name, _, figures = word.rpartition('=')
    try:
        cost, score = map(float, figures.split(','))
    except ValueError as error:
        raise ConfigError(f'--mark must be NAME=COST,SCORE, got {word!r}') from error
    return TradePoint(name, cost, score)


_ACTIONS = {'show': _show, 'sample': run_sample, 'rank': run_rank}
