"""Predict how long networks of a search space take on this device."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from posenas.cli.args import (
    CommandParser,
    OneLineParser,
    add_config_options,
    add_count,
    add_threads,
)
from posenas.cli.printing import print_lines
from posenas.cli.reading import check_paths, read_config
from posenas.utils.atomic_io import check_writable, write_json


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas latency``."""
    parser = CommandParser('latency', 'Predict how long networks of a search space take.')
    kinds = parser.add_subparsers(
        dest='what', required=True, metavar='WHAT', parser_class=OneLineParser
    )
    build = kinds.add_parser(
        'build',
        help='time every operation of a space',
        description='Time every operation of the space of a config, one image, on this device.',
    )
    fit = kinds.add_parser(
        'fit',
        help='fit the table to whole networks and report its error on others',
        description='Time random networks, fit how times of operations add up in them, and compare '
        'the predictions for other networks with their times.',
    )
    for kind, rounds in ((build, 20), (fit, 40)):
        add_config_options(kind)
        kind.add_argument('table', help='file of the latency table')
        add_count(kind, '--rounds', rounds, 'runs of each')
        add_threads(kind, 'threads of an operation')
    build.add_argument(
        '--engine',
        choices=('torch', 'onnxruntime', 'openvino'),
        default='torch',
        help='engine that will run the networks (default: %(default)s)',
    )
    fit.add_argument(
        '--engine',
        choices=('torch', 'onnxruntime', 'openvino'),
        help='engine that runs them, which must be that of the table (default: that of the table)',
    )
    add_count(fit, '--num-fit', 60, 'networks to fit to')
    add_count(fit, '--num-test', 50, 'networks to predict')
    fit.add_argument(
        '--out', '--json', dest='json', metavar='FILE', help='also write the figures to FILE'
    )
    predict = kinds.add_parser(
        'predict', help='predict networks', description='Predict networks given as genotype files.'
    )
    predict.add_argument('table', help='file of the latency table')
    predict.add_argument('genotypes', nargs='+', metavar='GENOTYPE', help='genotype files')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas latency``; returns its exit code.

    Raises:
        ConfigError: The config is of no supernet, or measurements differ too much to judge them.
        DataError: A file cannot be read.
    """
    args = build_parser().parse_args(argv)
    print_lines(*dict(build=_build, fit=_fit, predict=_predict)[args.what](args))
    return 0


def _build(args: argparse.Namespace) -> list[str]:
    from posenas.apis import build_latency_table

    check_writable(args.table)
    numbers = args.rounds, args.threads
    table = build_latency_table(read_config(args), args.table, *numbers, args.engine)
    return [f'{args.table}: {len(table.times)} operations; posenas latency fit is next']


def _fit(args: argparse.Namespace) -> list[str]:
    from posenas.apis import fit_latency_table

    check_paths(args, new_files=('json', 'table'))
    numbers = args.rounds, args.threads, args.num_fit, args.num_test
    found = fit_latency_table(read_config(args), args.table, *numbers, engine=args.engine)
    if args.json:
        write_json(args.json, asdict(found), indent=1)
    return [
        f'{args.num_test} networks that were not fitted to:',
        f'  rank correlation {found.tau:.3f} (MACs alone: {found.macs_tau:.3f}; the same networks '
        f'measured twice: {found.retest_tau:.3f})',
        f'  among networks within 20 % of their MACs {found.band_tau:.3f}',
        f'  error {found.mean_error:.1%} on average, {found.worst_error:.1%} at most',
    ]


def _predict(args: argparse.Namespace) -> list[str]:
    from posenas.apis import predict_latencies

    times = predict_latencies(args.table, args.genotypes)
    return [
        f'{path}: {1e3 * seconds:.2f} ms'
        for path, seconds in zip(args.genotypes, times, strict=True)
    ]
