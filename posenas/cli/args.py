"""Options that several commands share, in today's and in older spellings."""

import argparse
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from posenas.cli.examples import EXAMPLES, SOME
from posenas.cli.help_texts import FEW, HelpFormatter
from posenas.cli.outcome import Status
from posenas.cli.values import COUNT, number, whole
from posenas.utils.spelling import find_nearest

if TYPE_CHECKING:
    from mmengine.config import Config

_LOCAL_BACKEND = dict(type='LocalVisBackend')
#: Published: FPD calls the current folder ''.
_MAY_BE_EMPTY = {'dataDir'}


class OneLineParser(argparse.ArgumentParser):
    """Argument parser that says in one line what is wrong, and which word may be meant.

    Names of positional arguments are in capitals; ``-`` and ``_`` in names of options are equal.

    Args:
        *args: Arguments of :class:`argparse.ArgumentParser`.
        **kwargs: Likewise; the examples of the command end the help.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **dict(allow_abbrev=False, **kwargs))
        self.formatter_class = HelpFormatter
        examples = find_examples(self.prog)
        self.epilog = '\n\n'.join(filter(None, [self.epilog, examples]))

    def add_argument(self, *names: str, **kwargs: Any) -> argparse.Action:  # type: ignore[override]
        """Add an argument; a positional one is shown in capitals."""
        if not names[0].startswith('-') and 'choices' not in kwargs:
            kwargs.setdefault('metavar', names[0].upper())
        return super().add_argument(*names, **kwargs)

    def parse_known_args(
        self,
        args: Sequence[str] | None = None,
        namespace: argparse.Namespace | None = None,
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse ``args`` after bringing option names to the spelling with dashes."""
        words = None if args is None else [_with_dashes(word) for word in args]
        found, others = super().parse_known_args(words, namespace)
        for action in self._actions:
            if isinstance(action, _OutAction) and getattr(found, action.dest, None) is None:
                self.error(f'the following arguments are required: {action.metavar}')
            if action.dest not in _MAY_BE_EMPTY and getattr(found, action.dest, None) in ('', ['']):
                name = '/'.join(action.option_strings) or action.metavar or action.dest
                self.error(f'{name} must not be empty')
        return found, others

    def error(self, message: str) -> NoReturn:
        """Leave with the status of a refusal."""
        said = re.sub(r'^argument (\S+): (?=must |invalid choice)', r'\1 ', message)
        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", said)
        unknown = re.search(r'^unrecognized arguments: (?:.* )?(--?[^\s=]+)', said)
        nearest = None
        if choice:
            names = re.findall(r"[^\s',]+", choice[2])
            nearest = find_nearest(choice[1], names)
            among = f'one of {", ".join(names)}' if len(names) <= FEW else 'a known one'
            said = said.replace(choice[0], f"must be {among}, got '{choice[1]}'")
        elif unknown:
            options = [word for action in _list_actions(self) for word in action.option_strings]
            nearest = find_nearest(unknown[1], options)
        meant = f'did you mean {nearest}? ' if nearest else ''
        self.exit(
            Status.REFUSED, f'{self.prog}: error: {said}; {meant}{self.prog} --help lists all\n'
        )


class _OutAction(argparse.Action):
    """Takes a path that is given by its place or by ``--out``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,  # noqa: ANN401  (argparse's own)
        option_string: str | None = None,
    ) -> None:
        if values is not None:
            setattr(namespace, self.dest, values)


def add_options(
    parser: argparse._ActionsContainer, options: Mapping[str, str | Mapping[str, Any]]
) -> None:
    """Add the options of a table.

    Args:
        parser: Gets them; a group of options does too.
        options: Names and what the value is called, such as ``--out --out-dir DIR`` -> help text,
            or arguments of ``add_argument``. A help text alone makes an option without a value.
    """
    for words, given in options.items():
        settings = dict(help=given) if isinstance(given, str) else dict(given)
        first, *rest = words.split()
        names = [first, *(word for word in rest if word.startswith('-'))]
        metavar = rest[len(names) - 1 :]
        if metavar:
            settings['metavar'] = metavar[0] if len(metavar) == 1 else tuple(metavar)
        elif isinstance(given, str) and first.startswith('-'):
            settings['action'] = 'store_true'
        parser.add_argument(*names, **settings)


class Kind(NamedTuple):
    """One of several things that a command does.

    Attributes:
        help: What it does, in the list of all.
        options: Table of :func:`add_options`, or a function that adds them to a parser.
        description: What it does, at the beginning of its own help.
        has_config: Whether it takes a config, and options that change it.
    """

    help: str
    options: Mapping[str, str | Mapping[str, Any]] | Callable[[argparse.ArgumentParser], None]
    description: str | None = None
    has_config: bool = False


def add_kinds(parser: argparse.ArgumentParser, dest: str, kinds: Mapping[str, Kind]) -> None:
    """Add what a command can do, one of which is to be named.

    Args:
        parser: Gets them.
        dest: Attribute that holds the name of the one that is chosen.
        kinds: Name -> what it does.
    """
    parsers = parser.add_subparsers(
        dest=dest, required=True, metavar=dest.upper(), parser_class=OneLineParser
    )
    for name, kind in kinds.items():
        own = parsers.add_parser(name, help=kind.help, description=kind.description)
        if kind.has_config:
            add_config_options(own)
        if callable(kind.options):
            kind.options(own)
        else:
            add_options(own, kind.options)


def out(metavar: str, text: str) -> dict[str, dict[str, Any]]:
    """Return what is written, as last positional argument or as ``--out``; one is required.

    Args:
        metavar: Name in help texts, such as OUT.json.
        text: Help text.
    """
    return {
        f'out {metavar}': dict(nargs='?', action=_OutAction, help=text),
        f'--out {metavar}': dict(dest='out', help=f'the same as {metavar}'),
    }


def count(default: float, text: str, kind: Callable[[str], float] = COUNT) -> dict[str, Any]:
    """Return the arguments of an option that takes one number, for :func:`add_options`.

    Args:
        default: What holds without it; ends the help text.
        text: Begins the help text: a noun.
        kind: Checks the number.
    """
    return dict(type=kind, default=default, help=f'{text} (default: {default})')


def find_examples(program: str) -> str:
    """Write the examples of a program such as ``posenas dataset init``."""
    words = program.split()[1:]
    rows = EXAMPLES.get(words[0], ()) if words else SOME
    rows = [row for row in rows if row.split()[: len(words)] == words]
    return '\n'.join(['examples:', *(f'  posenas {row}' for row in rows)]) if rows else ''


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


class CommandParser(OneLineParser):
    """Argument parser of a command.

    Args:
        command: Name of the command after ``posenas``; its examples end the help.
        description: What the command does, in one sentence.
        epilog: What else is to be said behind the options.
        **kwargs: Arguments of :class:`argparse.ArgumentParser`.
    """

    def __init__(self, command: str, description: str, epilog: str = '', **kwargs: Any) -> None:
        super().__init__(
            prog=f'posenas {command}', description=description, epilog=epilog, **kwargs
        )


def _with_dashes(word: str) -> str:
    if not word.startswith('--'):
        return word
    name, equals, value = word.partition('=')
    return name.replace('_', '-') + equals + value


def add_config_options(parser: argparse.ArgumentParser, is_optional: bool = False) -> None:
    """Add the positional ``config``, which another option can replace, and how it is changed."""
    config = 'config file, or the name of a shipped one (posenas models lists them)'
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
        help='keep the numerics of the published results (default)',
    )
    numerics.add_argument(
        '--modern', dest='legacy', action='store_false', help='use the numerics of MMPose 1.x'
    )
    old.add_argument('--strict', action='store_true', help='refuse keys that cannot be translated')


def add_launch_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--work-dir`` and what the distributed launchers pass."""
    options = {
        '--work-dir DIR': 'folder of logs and checkpoints (default: work_dir of the config, else '
        './work_dirs/<name of the config>)',
        '--launcher': dict(
            choices=('none', 'pytorch', 'slurm', 'mpi'),
            default='none',
            help='launcher that started this process (default: %(default)s)',
        ),
        '--local-rank N': dict(
            type=whole(0),
            default=0,
            help=('rank of this process on its machine, set by older launchers'),
        ),
    }
    add_options(parser, options)


def add_download_options(
    parser: argparse.ArgumentParser, checkpoint: str = 'the checkpoint'
) -> None:
    """Add how a checkpoint that is given as an address is checked.

    Args:
        parser: Gets the options.
        checkpoint: What help texts call the one that ``--sha256`` is about.
    """
    downloads = parser.add_argument_group('checkpoints from http(s) addresses')
    options = {
        '--sha256 DIGITS': f'SHA-256 of {checkpoint}, at least its first 8 digits (default: '
        "#sha256=DIGITS behind the address, or the digits in MMPose's file names)",
        '--trust-download': (
            'load from an address without a SHA-256; the file is read as data, never run'
        ),
    }
    add_options(downloads, options)


def pin(args: argparse.Namespace, checkpoint: str, may_be_exported: bool = False) -> str:
    """Fetch a checkpoint as the options say; return its path, or its address with all digits.

    Raises:
        CheckpointError: It cannot be had, is of another kind, or has other digits than it must
            have.
    """
    from posenas.utils.download import check_checkpoint, pin_checkpoint

    check_checkpoint(checkpoint, may_be_exported)
    return pin_checkpoint(checkpoint, args.sha256, args.trust_download)


def add_draw_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of drawing predictions while a network is validated or tested."""
    options = {
        '--show-dir DIR': 'save drawn predictions here',
        '--show': 'show drawn predictions in a window',
        '--interval N': count(1, 'draw every Nth sample'),
        '--wait-time S': count(2, 'seconds per window', number()),
    }
    add_options(parser, options)


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
