"""Predict how long networks of a search space take on this device."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from posenas.cli.args import CommandParser, Kind, add_kinds, count
from posenas.cli.printing import print_lines
from posenas.cli.reading import check_paths, read_config
from posenas.cli.values import WORKERS
from posenas.utils.atomic_io import check_writable, write_json

_TABLE = {'table': 'file of the latency table'}
_THREADS = {'--threads N': count(1, 'threads of an operation', WORKERS)}
_ENGINES = ('torch', 'onnxruntime', 'openvino')
_KINDS = {
    'build': Kind(
        'time every operation of a space',
        {
            **_TABLE,
            '--rounds N': count(20, 'runs of each'),
            **_THREADS,
            '--engine': dict(
                choices=_ENGINES,
                default='torch',
                help='engine that will run the networks (default: %(default)s)',
            ),
        },
        'Time every operation of the space of a config, one image, on this device.',
        has_config=True,
    ),
    'fit': Kind(
        'fit the table to whole networks and report its error on others',
        {
            **_TABLE,
            '--rounds N': count(40, 'runs of each'),
            **_THREADS,
            '--engine': dict(
                choices=_ENGINES,
                help=(
                    'engine that runs the networks, which must be the engine of the table '
                    '(default: that engine)'
                ),
            ),
            '--num-fit N': count(60, 'networks to fit the table to'),
            '--num-test N': count(50, 'other networks to predict'),
            '--out --json FILE': dict(dest='json', help='also write the figures to FILE'),
        },
        (
            'Time random networks, fit how times of operations add up in them, and compare '
            'predictions for other networks with their measured times.'
        ),
        has_config=True,
    ),
    'predict': Kind(
        'predict the time of networks',
        {**_TABLE, 'genotypes GENOTYPE': dict(nargs='+', help='genotype files')},
        'Predict the time of networks, given as genotype files.',
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas latency``."""
    parser = CommandParser('latency', 'Predict how long networks of a search space take.')
    add_kinds(parser, 'what', _KINDS)
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
