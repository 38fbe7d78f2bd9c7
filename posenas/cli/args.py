"""Options that several commands share, in today's and in older spellings."""

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from posenas.cli.examples import EXAMPLES
from posenas.cli.outcome import Status
from posenas.cli.values import COUNT, number, whole
from posenas.utils.errors import CheckpointError
from posenas.utils.spelling import find_nearest

if TYPE_CHECKING:
    from mmengine.config import Config

_LOCAL_BACKEND = dict(type='LocalVisBackend')


class _HelpFormatter(argparse.HelpFormatter):
    """Wraps paragraphs, but leaves examples on lines of their own."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        paragraphs = text.split('\n\n')
        kept = [p if p.startswith('examples:') else fill(p, width, indent) for p in paragraphs]
        return '\n\n'.join(kept)


class OneLineParser(argparse.ArgumentParser):
    """Argument parser that says in one line what is wrong, and which option may be meant."""

    def error(self, message: str) -> NoReturn:
        """Leave with the status of a refusal."""
        said = re.sub(r'^argument (\S+): (?=must )', r'\1 ', message)
        unknown = re.search(r'^unrecognized arguments: (--[^\s=]+)', message)
        options = [word for action in _list_actions(self) for word in action.option_strings]
        nearest = find_nearest(unknown[1], options) if unknown else None
        meant = f'did you mean {nearest}? ' if nearest else ''
        self.exit(
            Status.REFUSED, f'{self.prog}: error: {said}; {meant}{self.prog} --help lists all\n'
        )


def _list_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """List what a parser, and those in it, read."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _list_actions(inner)


def name_options(text: str, parser: argparse.ArgumentParser) -> str:
    """Let the text of an error name options where it names the arguments they are handed on as."""
    for action in _list_actions(parser):
        name = (action.option_strings or [action.metavar or action.dest])[0]
        text = re.sub(rf'^{action.dest}(?= (must|needs) )', str(name), text)
    return text


#: Published: FPD calls the current folder ''.
_MAY_BE_EMPTY = {'dataDir'}


class CommandParser(OneLineParser):
    """Argument parser that reads ``_`` in the name of an option as ``-``.

    Args:
        command: Name of the command after ``posenas``; its examples end the help.
        description: What the command does, in one sentence.
        epilog: What else is to be said behind the options.
        **kwargs: Arguments of :class:`argparse.ArgumentParser`.
    """

    def __init__(self, command: str, description: str, epilog: str = '', **kwargs: Any) -> None:
        lines = [f'  posenas {example}' for example in EXAMPLES.get(command, ())]
        examples = '\n'.join(['examples:', *lines]) if lines else ''
        super().__init__(
            prog=f'posenas {command}',
            description=description,
            epilog='\n\n'.join(filter(None, [epilog, examples])),
            formatter_class=_HelpFormatter,
            allow_abbrev=False,
            **kwargs,
        )

    def parse_known_args(
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse ``args`` after bringing option names to the spelling with dashes."""
        words = None if args is None else [_with_dashes(word) for word in args]
        found, others = super().parse_known_args(words, namespace)
        for action in _list_actions(self):
            if action.dest not in _MAY_BE_EMPTY and getattr(found, action.dest, None) in ('', ['']):
                name = '/'.join(action.option_strings) or action.metavar or action.dest
                self.error(f'{name} must not be empty')
        return found, others


def _with_dashes(word: str) -> str:
    if not word.startswith('--'):
        return word
    name, equals, value = word.partition('=')
    return name.replace('_', '-') + equals + value


def add_config_options(parser: argparse.ArgumentParser, is_optional: bool = False) -> None:
    """Add the positional ``config``, which another option can replace, and how it is changed."""
    config = 'config file, or the name of a shipped one'
    parser.add_argument('config', nargs='?' if is_optional else None, help=config)
    add_override_options(parser)


def add_override_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options`` and how configs of other projects are translated."""
    from posenas.utils.config import DictAction

    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings, such as train_cfg.max_epochs=10; lists as key="[a,b]" or key=a,b; '
        'keys of MMPose 0.x, such as evaluation.interval=5, are understood',
    )
    add_translation_options(parser)


def add_translation_options(parser: argparse.ArgumentParser) -> None:
    """Add how configs of other projects are translated."""
    old = parser.add_argument_group('configs of MMPose 0.x, HRNet, FPD, PNFS and PoseNAS')
    numerics = old.add_mutually_exclusive_group()
    numerics.add_argument(
        '--legacy',
        action='store_true',
        default=True,
        help='keep the numerics that published results were trained with (default)',
    )
    numerics.add_argument(
        '--modern', dest='legacy', action='store_false', help='take the numerics of MMPose 1.x'
    )
    old.add_argument(
        '--strict', action='store_true', help='make keys that nothing translates an error'
    )


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--work-dir`` and what the distributed launchers pass."""
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help='folder of logs and checkpoints (default: work_dir of the config, else '
        './work_dirs/<name of the config>)',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='who started this process (default: %(default)s)',
    )
    parser.add_argument(
        '--local-rank', type=whole(0), default=0, metavar='N', help='set by older launchers'
    )


def add_download_options(
    parser: argparse.ArgumentParser, checkpoint: str = 'the checkpoint'
) -> None:
    """Add how a checkpoint that is given as an address is checked.

    Args:
        parser: Gets the options.
        checkpoint: What help texts call the one that ``--sha256`` is about.
    """
    downloads = parser.add_argument_group('checkpoints from http(s) addresses')
    downloads.add_argument(
        '--sha256',
        metavar='DIGITS',
        help=f'SHA-256 of {checkpoint}, at least its first 8 digits (default: #sha256=DIGITS '
        "behind the address, or the digits in MMPose's file names)",
    )
    downloads.add_argument(
        '--trust-download',
        action='store_true',
        help='load what an address sends without a SHA-256; it is read as data, never run',
    )


def pin(args: argparse.Namespace, checkpoint: str) -> str:
    """Fetch a checkpoint as the options say; return its path, or its address with all digits.

    Raises:
        CheckpointError: It cannot be had, or has other digits than it must have.
    """
    from posenas.utils.download import pin_checkpoint

    if '://' not in checkpoint and not Path(checkpoint).expanduser().is_file():
        raise CheckpointError(f'no checkpoint file at {checkpoint}: check the path')
    return pin_checkpoint(checkpoint, args.sha256, args.trust_download)


def add_draw_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of drawing predictions while a network is validated or tested."""
    parser.add_argument('--show-dir', metavar='DIR', help='save drawn predictions here')
    parser.add_argument('--show', action='store_true', help='show drawn predictions in a window')
    parser.add_argument(
        '--interval', type=COUNT, default=1, metavar='N', help='draw every Nth sample (default: 1)'
    )
    parser.add_argument(
        '--wait-time', type=number(), default=2, metavar='S', help='seconds per window (default: 2)'
    )


def export_local_rank(args: argparse.Namespace) -> None:
    """Hand ``--local-rank`` on as LOCAL_RANK unless the launcher set that itself."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))


def choose_work_dir(option: str | None, cfg: dict, config_file: str | Path) -> str:
    """Return the folder of logs and checkpoints: the option, the config's, else by name."""
    return option or cfg.get('work_dir') or str(Path('work_dirs') / Path(config_file).stem)


def load_experiment(args: argparse.Namespace) -> 'Config':
    """Load and verify ``args.config`` and give it the work dir and launcher of the command line.

    Raises:
        ConfigError: The config does not exist, has an unknown key or contradicts itself.
    """
    from posenas.apis.building import load_checked

    cfg = load_checked(args.config, args.cfg_options, args.legacy, args.strict)
    cfg.launcher = args.launcher
    cfg.work_dir = choose_work_dir(args.work_dir, cfg, cfg.filename)
    return cfg


def apply_draw_options(args: argparse.Namespace, cfg: dict, hook: str, hook_type: str) -> None:
    """Switch on the drawing hook ``default_hooks[hook]`` with the options of the command line.

    Args:
        args: Options of :func:`add_draw_options`.
        cfg: Config, changed in place.
        hook: Key of the hook.
        hook_type: Registered name of the hook if the config has none.
    """
    settings = dict(enable=True, show=args.show, interval=args.interval)
    if args.show_dir:  # absolute: the hook puts other folders inside that of the run
        settings['out_dir'] = str(Path(args.show_dir).absolute())
    if args.show:
        settings['wait_time'] = args.wait_time
    enable_drawing(cfg, hook, hook_type, settings)


def enable_drawing(cfg: dict, hook: str, hook_type: str, settings: dict) -> None:
    """Give the hook ``default_hooks[hook]`` settings, and the config a visualizer if it has none.

    Args:
        cfg: Config, changed in place.
        hook: Key of the hook.
        hook_type: Registered name of the hook if the config has none.
        settings: Arguments of the hook.
    """
    hooks = cfg.get('default_hooks') or {}
    configured = hooks.get(hook) or dict(type=hook_type)
    cfg['default_hooks'] = {**hooks, hook: {**configured, **settings}}
    if not cfg.get('visualizer'):
        cfg['visualizer'] = dict(type='PoseLocalVisualizer', vis_backends=[_LOCAL_BACKEND])
