"""Predict how long networks of a search space take on this device."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, add_config_options
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from posenas.search import CostContext, SearchSpace
    from posenas.search.vipnas.latency_measure import Assessment

__all__ = ['build_parser', 'main']

#: Rank correlation that two measurements of the same networks must have to judge a prediction.
_LEAST_RETEST = 0.95
#: Seeds of the networks that are fitted to and of those that are predicted.
_FIT_SEED, _TEST_SEED = 1, 2


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas latency``."""
    parser = CommandParser('latency', 'Predict how long networks of a search space take.')
    kinds = parser.add_subparsers(
        dest='what', required=True, metavar='WHAT', parser_class=argparse.ArgumentParser
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
        kind.add_argument(
            '--rounds',
            type=int,
            default=rounds,
            metavar='N',
            help='runs of each (default: %(default)s)',
        )
        kind.add_argument(
            '--threads', type=int, default=1, metavar='N', help='threads (default: %(default)s)'
        )
    fit.add_argument('--num-fit', type=int, default=60, metavar='N', help='networks fitted to')
    fit.add_argument('--num-test', type=int, default=50, metavar='N', help='networks predicted')
    predict = kinds.add_parser(
        'predict', help='predict networks', description='Predict networks given as genotype files.'
    )
    predict.add_argument('table', help='file of the latency table')
    predict.add_argument('genotypes', nargs='+', metavar='GENOTYPE', help='genotype files')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas latency``; returns its exit code."""
    args = build_parser().parse_args(argv)
    return dict(build=_build, fit=_fit, predict=_predict)[args.what](args)


def _build(args: argparse.Namespace) -> int:
    """Run ``posenas latency build``."""
    import torch

    from posenas.search.vipnas.latency_measure import measure_operations

    space, context = _read_config(args)
    torch.set_num_threads(args.threads)
    table = measure_operations(space, context, args.rounds)
    table.save(args.table)
    sys.stdout.write(f'{args.table}: {len(table.times)} operations; posenas latency fit is next\n')
    return 0


def _fit(args: argparse.Namespace) -> int:
    """Run ``posenas latency fit``.

    Raises:
        ConfigError: Two measurements of the same networks differ too much to judge anything.
    """
    import torch

    from posenas.search.vipnas.latency import LatencyTable, fit_table
    from posenas.search.vipnas.latency_measure import (
        assess,
        draw_genotypes,
        measure_networks,
        settle,
    )

    space, context = _read_config(args)
    table = LatencyTable.load(args.table)
    if table.context != context:
        raise ConfigError(
            f'the table must be of {context}, got {table.context}: build it with this config'
        )
    torch.set_num_threads(args.threads)
    fitted = draw_genotypes(space, args.num_fit, _FIT_SEED)
    unseen = draw_genotypes(space, args.num_test, _TEST_SEED)
    model = dict(
        type='TopdownPoseEstimator', backbone={}, head=dict(out_channels=context.num_keypoints)
    )
    times = measure_networks([*fitted, *unseen], model, context, args.rounds)
    table = fit_table(table, fitted, settle(times[:, : len(fitted)]))
    found = assess(table, unseen, times[:, len(fitted) :])
    _report(found, len(unseen))
    if found.retest_tau < _LEAST_RETEST:
        raise ConfigError(
            f'two measurements of the same networks must agree, rank correlation '
            f'{_LEAST_RETEST} or more, got {found.retest_tau:.3f}: leave the machine alone, or '
            'measure more --rounds; the table stays as it was'
        )
    table.save(args.table)
    return 0


def _report(found: 'Assessment', number: int) -> None:
    """Write the error of a table."""
    sys.stdout.write(
        f'{number} networks that were not fitted to:\n'
        f'  rank correlation {found.tau:.3f} (MACs alone: {found.macs_tau:.3f}; the same networks '
        f'measured twice: {found.retest_tau:.3f})\n'
        f'  among networks within 20 % of their MACs {found.band_tau:.3f}\n'
        f'  error {found.mean_error:.1%} on average, {found.worst_error:.1%} at most\n'
    )


def _predict(args: argparse.Namespace) -> int:
    """Run ``posenas latency predict``."""
    from posenas.genotype import load_genotype
    from posenas.search.vipnas.latency import LatencyTable

    table = LatencyTable.load(args.table)
    for path in args.genotypes:
        sys.stdout.write(f'{path}: {1e3 * table.predict(load_genotype(path)):.2f} ms\n')
    return 0


def _read_config(args: argparse.Namespace) -> tuple['SearchSpace', 'CostContext']:
    """Load the config and find space, input size and joints in it.

    Raises:
        ConfigError: A number is not positive, or the model is no supernet with a space.
    """
    from mmengine.registry import init_default_scope

    from posenas.apis.building import load_checked
    from posenas.registry import TASK_UTILS
    from posenas.search import CostContext

    for name in ('rounds', 'threads', 'num_fit', 'num_test'):
        if getattr(args, name, 1) < 1:
            raise ConfigError(f'--{name.replace("_", "-")} must be at least 1')
    cfg = load_checked(args.config, args.cfg_options, args.legacy, args.strict)
    init_default_scope('posenas')
    if 'space' not in cfg.model:
        raise ConfigError(f'{args.config} must be the config of a supernet, with model.space')
    context = CostContext(tuple(cfg.codec.input_size), cfg.model.head.out_channels)
    return TASK_UTILS.build(cfg.model.space), context
