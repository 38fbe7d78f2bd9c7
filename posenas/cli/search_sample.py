"""``posenas search sample``: a random architecture that costs what another one does."""

import argparse
import sys
from typing import TYPE_CHECKING

from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config

    from posenas.search import SearchSpace

__all__ = ['add_sample_parser', 'run_sample']

#: Draws before it is given up.
_MAX_TRIES = 5000


def add_sample_parser(actions: argparse._SubParsersAction) -> None:
    """Add ``posenas search sample``."""
    parser = actions.add_parser(
        'sample',
        help='draw a random architecture as expensive as another one',
        description='Draw architectures of a space until one costs nearly what a given network '
        'does, for fair comparisons with what a search has found.',
    )
    parser.add_argument('config', help='config of a SearchLoop, whose budget counts the cost')
    parser.add_argument('out', metavar='OUT.json', help='genotype file')
    parser.add_argument(
        '--like', required=True, metavar='SOURCE', help='genotype file, derived folder or config'
    )
    parser.add_argument(
        '--within', type=float, default=0.02, metavar='SHARE', help='of the cost (default: 0.02)'
    )
    parser.add_argument('--cost', default='macs', metavar='KEY', help='(default: macs)')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='(default: 0)')


def run_sample(args: argparse.Namespace) -> int:
    """Run ``posenas search sample``; returns its exit code.

    Raises:
        ConfigError: The config is of no such search, or nothing was found.
    """
    from posenas.apis.building import load_checked
    from posenas.cli.genotype import read_source
    from posenas.genotype import save_genotype
    from posenas.search import Budget
    from posenas.search.algorithms import RandomSearch

    if not 0 < args.within < 1:
        raise ConfigError(f'--within must lie between 0 and 1, got {args.within}')
    cfg = load_checked(args.config)
    loop = cfg.get('train_cfg') or {}
    if loop.get('type') != 'SearchLoop' or not loop.get('budget'):
        raise ConfigError(f'{args.config} must be the config of a SearchLoop with a budget')
    space = _build_space(cfg)
    counted = {key: value for key, value in loop.budget.to_dict().items() if key != 'limits'}
    costs = Budget(**counted).measure(read_source(args.like))
    if args.cost not in costs:
        raise ConfigError(f'--cost must be one that the budget counts, {sorted(costs)}')
    wanted = costs[args.cost]
    limits = {args.cost: ((1 - args.within) * wanted, (1 + args.within) * wanted)}
    algorithm = RandomSearch(
        space,
        {args.cost: 'less'},
        Budget(**counted, limits=limits),
        seed=args.seed,
        max_tries=_MAX_TRIES,
    )
    found = algorithm.ask(1)[0]
    save_genotype(found.genotype, args.out)
    change = 100 * (found.costs[args.cost] / wanted - 1)
    sys.stdout.write(
        f'wrote {args.out}: genotype {found.genotype.id}, {found.costs[args.cost]:,} {args.cost}, '
        f'{change:+.1f} %\n'
    )
    return 0


def _build_space(cfg: 'Config') -> 'SearchSpace':
    """Return the space of a search, as its loop finds it."""
    from mmengine.registry import init_default_scope

    from posenas.registry import MODELS, TASK_UTILS

    init_default_scope('posenas')
    if cfg.train_cfg.get('space'):
        return TASK_UTILS.build(cfg.train_cfg.space)
    return MODELS.build(cfg.model).space
