"""Options of searches: where candidates are evaluated, and the published ones of neural fabrics."""

import argparse
from typing import TYPE_CHECKING

from posenas.cli.args import add_options
from posenas.utils.errors import ConfigError
from posenas.utils.executors import EXECUTORS

if TYPE_CHECKING:
    from mmengine.config import Config

_STRATEGIES = (
    *('None', 'none', 'random', 'sync', 'single', 'first_order', 'second_order'),
    *('first_order_gradient', 'second_order_gradient'),
)
#: Published: optimizer of the architecture, and its share of the images.
_ARCH = dict(optimizer=dict(type='Adam', lr=0.03, weight_decay=0.01))
_ARCH_RATIO = 1 / 3
_LOOP_KEYS = ('max_epochs', 'val_begin', 'val_interval', 'dynamic_intervals')

#: Where independent parts of the work are done.
EXECUTOR_OPTIONS = {
    '--executor': dict(
        choices=EXECUTORS,
        default='process',
        help='what does independent parts of the work: this process, one after the other, or ray, '
        'the workers of a cluster (default: %(default)s)',
    ),
    '--address HOST:PORT': 'cluster of --executor ray; auto finds one that ray start has joined '
    '(default: a new one of this machine)',
}


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--search``, what shows a search, and where candidates are evaluated."""
    search = parser.add_argument_group('searches by gradients')
    options = {
        '--search STRATEGY': dict(
            choices=_STRATEGIES,
            help=(
                'train a network of neural fabrics as a supernet, or change the strategy of a '
                'config that searches: none, random, sync, single, first_order, second_order, '
                'or the published names of these strategies'
            ),
        ),
        '--show-arch-value': 'print the mixing weights after each epoch',
    }
    add_options(search, options)
    group = parser.add_argument_group('searches by candidates, of a SearchLoop')
    add_options(group, EXECUTOR_OPTIONS)


def apply_search_options(args: argparse.Namespace, cfg: 'Config') -> None:
    """Write the options into ``cfg``.

    Raises:
        ConfigError: The network cannot be searched, or there is no search to show.
    """
    if args.search is not None:
        _set_strategy(cfg, args.search)
    if args.show_arch_value:
        _show_arch_values(cfg)
    if args.executor != 'process' or args.address is not None:
        if cfg.train_cfg.get('type') != 'SearchLoop':
            raise ConfigError(
                '--executor must be of a search by candidates, with train_cfg.type=SearchLoop, '
                f'got {cfg.train_cfg.get("type")!r}: train on many machines by torchrun'
            )
        cfg.train_cfg.executor, cfg.train_cfg.address = args.executor, args.address


def _set_strategy(cfg: 'Config', name: str, option: str = '--search') -> None:
    """Make a config search by the strategy ``name``, which ``option`` asks for."""
    from posenas.engine.loops import BILEVEL, find_strategy

    strategy = find_strategy(name)
    if cfg.train_cfg.get('type') != 'ArchSearchLoop':
        _make_search(cfg, strategy in BILEVEL, option)
    cfg.train_cfg.strategy = strategy
    given = cfg.optim_wrapper.get('arch')
    own = given if isinstance(given, dict) else _ARCH
    cfg.optim_wrapper.arch = {'sync': 'weights', 'none': None, 'random': None}.get(strategy, own)
    if strategy not in BILEVEL:
        cfg.train_cfg.pop('arch_objective', None)
        own = cfg.train_cfg.pop('arch_dataloader', None) or {}
        if 'batch_size' in own:  # those of the weights were a multiple of it
            cfg.train_dataloader.batch_size = own['batch_size']
    elif not {'arch_ratio', 'arch_dataloader'} & cfg.train_cfg.keys():
        cfg.train_cfg.arch_ratio = _ARCH_RATIO


def _make_search(cfg: 'Config', is_bilevel: bool, option: str) -> None:
    """Turn the config of a training into that of a search, with the published settings."""
    head = cfg.model.get('head') or {}
    if head.get('type') != 'CNFHead' or head.fabric.get('genotype') is not None:
        raise ConfigError(
            f'{option} needs the config of a search or of a network of neural fabrics (CNFHead) '
            f'without a genotype, got the head {head.get("type")!r}: see configs/search'
        )
    cfg.model.type = 'CNFSupernet'
    kept = {key: cfg.train_cfg[key] for key in _LOOP_KEYS if key in cfg.train_cfg}
    if 'max_epochs' not in kept:
        raise ConfigError(f'{option} counts epochs: set train_cfg.max_epochs, not max_iters')
    cfg.train_cfg = dict(kept, type='ArchSearchLoop')
    cfg.optim_wrapper.constructor = 'ArchOptimWrapperConstructor'
    if is_bilevel:  # the weights have twice as many images, in as many batches
        size = cfg.train_dataloader.batch_size
        cfg.train_cfg.update(arch_ratio=_ARCH_RATIO, arch_dataloader=dict(batch_size=size))
        cfg.train_dataloader.batch_size = 2 * size
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='ArchValueHook')]


def _show_arch_values(cfg: 'Config') -> None:
    """Print the weights of the mix; a training of fabrics trains them as a search 'sync' does."""
    if cfg.train_cfg.get('type') != 'ArchSearchLoop':
        _set_strategy(cfg, 'sync', '--show-arch-value')
    others = [hook for hook in cfg.get('custom_hooks') or [] if hook['type'] != 'ArchValueHook']
    own = [hook for hook in cfg.get('custom_hooks') or [] if hook['type'] == 'ArchValueHook']
    cfg.custom_hooks = [*others, dict(own[0] if own else dict(type='ArchValueHook'), log=True)]
