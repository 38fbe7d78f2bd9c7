"""What commands that train share: their options, and the training itself."""

import argparse
import shlex
from functools import partial
from pathlib import Path

from mmengine.config import Config

from posenas.cli.args import (
    add_draw_options,
    add_launch_options,
    add_options,
    apply_draw_options,
    pin,
)
from posenas.cli.printing import show_screen
from posenas.cli.published_options import choose_gpu, log_cost
from posenas.cli.reading import check_data_paths
from posenas.cli.values import COUNT, SEED
from posenas.utils.errors import ConfigError

#: Number of processes that older configs state their learning rate for.
_BASE_PROCESSES = 8


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """Add what commands that train share: where, how and from which state."""
    add_launch_options(parser)
    _add_start_options(parser)
    options = {
        '--epochs N': dict(
            type=COUNT,
            help=(
                'number of epochs, to which the whole schedule is scaled: warm-up, '
                'milestones, cosine, validations, and hooks that begin in an epoch (default: '
                'the config)'
            ),
        ),
        '--no-validate': 'train without validation',
        '--auto-scale-lr --autoscale-lr': (
            'multiply the learning rate by the batch size of all processes over the base batch size'
        ),
        '--amp': 'use automatic mixed precision',
        '--compile': 'compile the network with torch.compile',
        '--seed N': dict(type=SEED, help='seed of all random numbers'),
        '--deterministic': 'use deterministic kernels only',
    }
    add_options(parser, options)
    add_draw_options(parser)


def _add_start_options(parser: argparse.ArgumentParser) -> None:
    start = parser.add_mutually_exclusive_group()
    options = {
        '--resume CHECKPOINT': dict(
            nargs='?',
            const='auto',
            help='continue the run of this checkpoint (default: the newest of the work dir)',
        ),
        '--resume-from CHECKPOINT': dict(dest='resume', help='the same as --resume CHECKPOINT'),
        '--load-from CHECKPOINT': 'start from the weights of a checkpoint',
    }
    add_options(start, options)


def configure(args: argparse.Namespace, cfg: Config) -> None:
    """Write the options of the command line into ``cfg``.

    Raises:
        ConfigError: An option does not fit the config.
    """
    if args.resume == 'auto':
        cfg.resume = 'auto'
    elif args.resume:
        cfg.resume, cfg.load_from = True, args.resume
    elif args.load_from:
        cfg.resume, cfg.load_from = False, args.load_from
    _pin_checkpoints(args, cfg)
    if args.epochs is not None:
        _set_epochs(args, cfg)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.auto_scale_lr:
        scaling = dict(base_batch_size=_BASE_PROCESSES * cfg.train_dataloader.batch_size)
        cfg.auto_scale_lr = {**scaling, **(cfg.get('auto_scale_lr') or {}), 'enable': True}
    if args.amp:
        cfg.optim_wrapper = dict(cfg.optim_wrapper, type='AmpOptimWrapper')
    if args.compile:
        cfg.compile = True
    _configure_randomness(args, cfg)
    if args.show or args.show_dir:
        apply_draw_options(args, cfg, 'visualization', 'PoseVisualizationHook')


def _set_epochs(args: argparse.Namespace, cfg: Config) -> None:
    """Move the schedule of the config to the epochs of the command line."""
    from posenas.utils.schedule import set_epochs

    given = {'total_epochs', 'runner.max_epochs', 'train_cfg.max_epochs'}
    twice = sorted(given & {*(getattr(args, 'cfg_options', None) or {})})
    if twice:
        raise ConfigError(
            f'--epochs must be the only length of the training, got {twice[0]} in --cfg-options '
            'too: give --epochs alone, which scales the whole schedule'
        )
    set_epochs(cfg, args.epochs)


def _pin_checkpoints(args: argparse.Namespace, cfg: Config) -> None:
    """Fetch what the config loads from addresses, before anything is built."""
    from posenas.utils.download import pin_addresses

    if cfg.get('load_from'):
        cfg.load_from = pin(args, cfg.load_from)
    elif args.sha256:
        raise ConfigError(
            '--sha256 needs a checkpoint, got none: give --load-from or --resume FILE'
        )
    pin_addresses(cfg._cfg_dict, args.trust_download)


def _configure_randomness(args: argparse.Namespace, cfg: Config) -> None:
    randomness = {'seed': None, **(cfg.get('randomness') or {})}
    if args.seed is not None:
        randomness['seed'] = args.seed
    if args.deterministic:
        randomness['deterministic'] = True
    cfg.randomness = randomness


def run_training(args: argparse.Namespace, cfg: Config) -> None:
    """Train as ``cfg`` and the options of :func:`add_training_options` say.

    Raises:
        ConfigError: They do not fit together.
        DataError: A file or folder of the data is not there.
    """
    with show_screen() as screen:
        configure(args, cfg)
        choose_gpu(args)
        check_data_paths(cfg, 'train', 'val')
        from posenas.engine import PoseRunner, ScreenHook

        runner = PoseRunner.from_cfg(cfg)
        config = choose_config(args, cfg)
        runner.register_hook(ScreenHook(screen, partial(_say_next, config), dict(config=config)))
        if getattr(args, 'param_flop', False):  # an option of this command alone
            log_cost(cfg)
        with runner.traces.removed_on_failure(runner):
            runner.train()


def choose_config(args: argparse.Namespace, cfg: Config) -> str:
    """Return the config to name in a command: as it was typed, or the copy in the work dir."""
    typed = None if args.cfg_options else getattr(args, 'config', None)
    return typed or str(Path(cfg.work_dir, Path(cfg.filename).name))


def _say_next(config: str, file: str | None, work_dir: str) -> str:
    """Return the command that comes after a training, or after a search without a checkpoint."""
    if file is None:
        return shlex.join(['posenas', 'search', 'show', work_dir])
    return shlex.join(['posenas', 'test', config, file])
