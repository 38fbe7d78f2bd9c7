"""Run searches, show what they have found so far, and what to compare it with."""

import argparse
import sys
from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, Kind, add_kinds, count, out
from posenas.cli.printing import print_lines, print_table
from posenas.cli.reading import check_paths, require_with
from posenas.cli.search_options import EXECUTOR_OPTIONS
from posenas.cli.search_run import RUN, run
from posenas.cli.values import SEED, SHARE, WORKERS
from posenas.genotype import save_genotype
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from posenas.search import SearchOverview

#: Resamplings of intervals.
_RESAMPLINGS = 2000


_COST = {'--cost KEY': dict(default='macs', help='cost to compare (default: macs)')}
_ACTIONS = {
    'run': RUN,
    'show': Kind(
        'list the best architectures, and draw all of them',
        {
            'archive': 'work dir of a search, or its archive.jsonl',
            '--top N': count(10, 'rows of the table'),
            '--sort NAME': 'score or cost to sort by (default: the first objective of the search)',
            '--out --page FILE.html': dict(dest='page', help='draw score over cost as a web page'),
            '--x COST': 'cost on the horizontal axis of the page (default: the first cost)',
            '--y SCORE': 'score on the vertical axis of the page (default: the first objective)',
            '--mark NAME=COST,SCORE': dict(
                nargs='+',
                default=(),
                help='networks to mark in the page, such as "S-ViPNAS-Res50=1.46e9,0.711"',
            ),
        },
    ),
    'sample': Kind(
        'sample a random architecture of the same cost as another',
        {
            'config': 'config of a SearchLoop with a budget that counts the cost',
            **out('OUT.json', 'genotype file'),
            '--like SOURCE': dict(required=True, help='genotype file, derived folder or config'),
            '--within SHARE': count(0.02, 'allowed deviation, as a share of the cost', SHARE),
            **_COST,
            '--seed N': count(0, 'seed of the sampling', SEED),
        },
        (
            'Sample architectures of a space until one has nearly the cost of a given network, for '
            'fair comparisons with a derived network.'
        ),
    ),
    'rank': Kind(
        'compare the order of cheap scores with the order of trained networks',
        {
            'archive': dict(nargs='+', help='work dirs of searches with cheap scores'),
            '--trained DIR': dict(
                nargs='+',
                required=True,
                help=('work dirs of the searches that trained their networks'),
            ),
            '--score KEY': 'cheap score (default: the first objective of the search)',
            '--truth KEY': (
                'score of trained networks (default: the first objective of the search)'
            ),
            **_COST,
            '--band SHARE': count(0.05, 'share within which costs count as nearly equal', SHARE),
        },
        (
            'Compare the order of the same architectures in two searches: one scored them with the '
            "weights of a supernet, the other trained them. Print Kendall's tau with an interval "
            'over networks, and the same for a cost alone, for all networks and for networks of '
            'nearly equal cost.'
        ),
    ),
    'predict': Kind(
        'report how well scores follow from the decisions of architectures',
        {
            'config': 'config of one of the searches, for its space',
            'archive': dict(nargs='+', help='work dirs of searches, or archives'),
            '--score KEY': 'score to predict (default: the first objective)',
            '--least R': count(
                0.5, "Spearman's rank correlation below which the predictor is refused", SHARE
            ),
        },
        'Fit a predictor of scores (ridge regression on decisions) on what searches have '
        'evaluated, and compare its order of architectures that it was not fitted on, a fifth at a '
        'time, with that of their scores; beside it the order of each cost alone.',
    ),
    'agree': Kind(
        'compare searches that differ in their seeds',
        {'archive': dict(nargs='+', help='work dirs of searches that differ in their seeds')},
        (
            'Print the best architecture of each search, the share of decisions on which they '
            'agree, the same share for random architectures, and the spread of scores.'
        ),
    ),
    'repeat': Kind(
        'search with several seeds, and train the results and random networks',
        {
            'config': 'config of a SearchLoop, with load_from and a budget',
            '--experiment CONFIG': dict(
                required=True, help=('config of the training of all networks')
            ),
            '--work-dir DIR': dict(required=True, help='folder of all runs'),
            '--seeds N': count(3, 'searches'),
            '--no-baseline': 'train no random architectures',
            '--cost KEY': dict(
                default='macs', help=('cost that random networks share (default: macs)')
            ),
            '--threads N': count(1, 'threads of each run', WORKERS),
            **EXECUTOR_OPTIONS,
            '--no-run': 'run nothing, report finished runs',
        },
        (
            'Search a trained supernet with several seeds. Train each derived network from '
            'scratch, and a random architecture of the same cost with the same seed. Print how far '
            'the searches agree and their gain over chance. Finished runs are skipped, interrupted '
            'ones resumed.'
        ),
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas search``."""
    parser = CommandParser(
        'search',
        'Search a network for your data and a budget; show, compare and repeat searches.',
        epilog=(
            'posenas search run does everything. To run a single search, use posenas train '
            'with a config of configs/search.'
        ),
    )
    add_kinds(parser, 'action', _ACTIONS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas search``; returns its exit code.

    Raises:
        ConfigError: An option names no score or cost, or an archive or config does not hold it.
        DataError: An archive is missing or damaged.
    """
    args = build_parser().parse_args(argv)
    actions = dict(
        run=run,
        show=_show,
        sample=_sample,
        rank=_rank,
        predict=_predict,
        agree=_agree,
        repeat=_repeat,
    )
    return actions[args.action](args) or 0


def _show(args: argparse.Namespace) -> None:
    check_paths(args, new_files=('page',))
    require_with(args, 'page', 'x', 'y', 'mark')
    from posenas.search import read_search, write_search_page

    found = read_search(args.archive, args.sort)
    _print_records(found, args.top)
    goals = ', '.join(f'{key} ({better} is better)' for key, better in found.objectives.items())
    total = len(found.records) + found.num_failed + found.num_partial
    partial = f', {found.num_partial} only to learn from' if found.num_partial else ''
    print_lines(
        f'{total} architectures, {found.num_failed} failed{partial}; '
        f'* marks the {len(found.front)} that no other beats in {goals}; '
        f'{min(args.top, len(found.records))} are listed'
    )
    if args.page:
        marks = dict(map(_read_mark, args.mark))
        write_search_page(found, args.page, args.x, args.y, marks)
        print_lines(f'the drawing is in {args.page}')


def _print_records(found: 'SearchOverview', top: int) -> None:
    first = found.records[0]
    figures = [*first.scores, *first.costs]
    rows = [
        (
            record.trial,
            record.generation,
            record.id,
            *(f'{record.value(name):.6g}' for name in figures),
            ' '.join(map(str, record.parents)),
            '*' if record.trial in found.front else '',
        )
        for record in found.records[:top]
    ]
    columns = ('trial', 'generation', 'architecture', *figures, 'parents', 'front')
    print_table(columns, rows, left=('architecture', 'parents'))


def _read_mark(word: str) -> tuple[str, tuple[float, float]]:
    name, _, figures = word.rpartition('=')
    try:
        cost, score = map(float, figures.split(','))
        if not (isfinite(cost) and isfinite(score)):
            raise ValueError('the page has no place for it')
    except ValueError as error:
        raise ConfigError(f'--mark must be NAME=COST,SCORE, got {word!r}') from error
    return name, (cost, score)


def _sample(args: argparse.Namespace) -> None:
    check_paths(args, new_files=('out',))
    from posenas.apis import sample_alike

    found = sample_alike(args.config, args.like, args.cost, args.within, args.seed)
    save_genotype(found.genotype, args.out)
    change = 100 * (found.cost / found.wanted - 1)
    print_lines(
        f'wrote {args.out}: genotype {found.genotype.id}, {found.cost:,} {args.cost}, '
        f'{change:+.1f} %'
    )


def _rank(args: argparse.Namespace) -> None:
    from posenas.search import rank_searches

    found = rank_searches(args.archive, args.trained, args.score, args.truth, args.cost, args.band)
    rows = [
        (
            group.networks,
            group.ranking.count,
            group.figure,
            f'{group.ranking.tau:+.2f}',
            f'{group.ranking.low:+.2f} .. {group.ranking.high:+.2f}',
        )
        for group in found.groups
    ]
    tau = f'tau with trained {found.truth}'
    print_table(('networks', 'number', 'ordered by', tau, '95 % interval'), rows)
    left_out = ', '.join(f'{count} {why}' for why, count in found.left_out.items() if count)
    print_lines('a random order has tau 0', *([f'left out: {left_out}'] if left_out else []))


def _predict(args: argparse.Namespace) -> None:
    from posenas.apis import fit_predictor

    found = fit_predictor(args.config, args.archive, args.score, args.least)
    rows = [
        (
            figure,
            f'{q.spearman:+.2f}',
            f'{q.kendall.tau:+.2f}',
            f'{q.kendall.low:+.2f} .. {q.kendall.high:+.2f}',
        )
        for figure, q in found.list_qualities().items()
    ]
    print_table((f'{found.score} ordered by', 'Spearman', 'tau', '95 % interval'), rows)
    print_lines(f'{len(found.records)} architectures, a fifth predicted from the others at a time')
    found.require_reliable()


def _agree(args: argparse.Namespace) -> None:
    _print_agreement(args.archive)


def _print_agreement(archives: Sequence['str | Path']) -> None:
    from posenas.search import compare_repeats

    found = compare_repeats(archives)
    figures = [*found.winners[0].scores, *found.winners[0].costs]
    rows = [
        (seed, winner.id, *(f'{winner.value(name):.6g}' for name in figures))
        for seed, winner in zip(found.seeds, found.winners, strict=True)
    ]
    print_table(('seed', 'best architecture', *figures), rows, left=('best architecture',))
    total = len(found.winners[0].arch)
    unsettled = [f'{name} {", ".join(map(str, made))}' for name, made in found.unsettled.items()]
    print_lines(
        (
            f'the best architectures agree on {found.agreement:.0%} of {total} decisions, pair by '
            f'pair; random ones on {found.chance:.0%}'
        ),
        f'{found.objective} {found.mean:.6g} +- {found.deviation:.2g} over seeds',
        *([f'decisions that differ: {"; ".join(unsettled)}'] if unsettled else []),
    )


def _repeat(args: argparse.Namespace) -> int:
    check_paths(args, new_folders=('work_dir',))
    from posenas.experiments import list_archives, plan_repeats, report_plan, run_plan

    plan = plan_repeats(
        args.config, args.experiment, args.work_dir, args.seeds, not args.no_baseline, args.cost
    )
    where = args.executor, args.address
    names = [] if args.no_run else run_plan(plan, (), args.threads, _announce, *where)
    archives = [folder for folder in list_archives(plan) if (folder / 'archive.jsonl').is_file()]
    if len(archives) > 1:
        _print_agreement(archives)
    print_lines(f'{len(archives)} of {args.seeds} searches have results')
    sys.stdout.write(report_plan(plan, _RESAMPLINGS))
    for name in names:
        sys.stderr.write(f'{name} failed: see {plan.folder / name}/train.log and test.log\n')
    return int(bool(names))


def _announce(name: str) -> None:
    sys.stderr.write(f'{name}\n')
