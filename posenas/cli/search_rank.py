"""``posenas search rank``: whether a cheap score orders networks as their training does."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.cli.tables import print_table
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from posenas.search import Ranking, Record

__all__ = ['add_rank_parser', 'run_rank']


def add_rank_parser(actions: argparse._SubParsersAction) -> None:
    """Add ``posenas search rank``."""
    parser = actions.add_parser(
        'rank',
        help='compare the order of cheap scores with that of trained networks',
        description='Compare two searches of the same architectures, one of which evaluated them '
        "by what shares the supernet's weights, the other by training. Kendall's tau, with an "
        'interval over networks; beside it that of a cost alone, for all networks and for those '
        'of nearly equal cost.',
    )
    parser.add_argument('archive', nargs='+', help='work dirs of searches with cheap scores')
    parser.add_argument(
        '--trained', nargs='+', required=True, metavar='DIR', help='those that trained'
    )
    parser.add_argument(
        '--score', metavar='KEY', help='cheap score (default: the first objective of the search)'
    )
    parser.add_argument('--truth', metavar='KEY', help='score of trained networks, likewise')
    parser.add_argument('--cost', default='macs', metavar='KEY', help='(default: macs)')
    parser.add_argument(
        '--band',
        type=float,
        default=0.05,
        metavar='SHARE',
        help='costs count as nearly equal within this share (default: 0.05)',
    )


def run_rank(args: argparse.Namespace) -> int:
    """Run ``posenas search rank``; returns its exit code.

    Raises:
        ConfigError: There are too few architectures, or they lack a figure.
        DataError: An archive is missing or damaged.
    """
    from posenas.search import find_band, pair_records, rank

    score, cheap = _read_all(args.archive, args.score)
    truth, trained = _read_all(args.trained, args.truth)
    pairs = pair_records(cheap, trained)
    values = [first.value(score) for first, _ in pairs]
    wanted = [second.value(truth) for _, second in pairs]
    costs = [second.value(args.cost) for _, second in pairs]
    band = find_band(costs, args.band)
    groups = {'all': list(range(len(pairs)))}
    if 3 <= len(band) < len(pairs):
        groups[f'{args.cost} within {100 * args.band:g} %'] = band
    rows = [
        (name, figure, rank([of_all[i] for i in chosen], [wanted[i] for i in chosen]))
        for name, chosen in groups.items()
        for figure, of_all in ((f'{score}, shared weights', values), (args.cost, costs))
    ]
    _print(rows, truth)
    return 0


def _read_all(folders: Sequence[str], key: str | None) -> tuple[str, list['Record']]:
    """Read archives; returns the name of the score and all records."""
    from posenas.search import read_archive

    records = []
    for folder in folders:
        path = Path(folder)
        header, found = read_archive(path / 'archive.jsonl' if path.is_dir() else path)
        key = key or next(iter(header['algorithm']['objectives']))
        records += found
    if key is None:
        raise ConfigError('searches must have an objective')
    return key, records


def _print(rows: Sequence[tuple[str, str, 'Ranking']], truth: str) -> None:
    from rich.table import Table

    table = Table('networks', 'number', 'ordered by', f'tau with trained {truth}', '95 % interval')
    for name, figure, found in rows:
        interval = f'{found.low:+.2f} .. {found.high:+.2f}'
        table.add_row(name, str(found.count), figure, f'{found.tau:+.2f}', interval)
    print_table(table)
    sys.stdout.write('an order by chance has tau 0\n')
