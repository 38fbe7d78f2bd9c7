"""Commands: ``posenas COMMAND ...``, each a module with ``build_parser()`` and ``main(argv)``."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from posenas.cli.args import OneLineParser, add_options, name_options
from posenas.cli.outcome import MEANINGS, Status, run_command
from posenas.utils.errors import PoseNASError
from posenas.version import __version__

__all__ = ['COMMANDS', 'find_entry', 'main']

#: Command -> what it does; see :func:`find_entry` for where it is.
COMMANDS = {
    'demo': 'find people in pictures, then train a small network on synthetic people',
    'train': 'train a network from a config',
    'distill': 'train a network on labels and on the heatmaps of a larger one',
    'test': 'measure a checkpoint on a data set',
    'eval': 'score stored predictions, with intervals and kinds of errors',
    'infer': 'find keypoints in images, videos and cameras, follow people, compare two models',
    'export': 'write a network to a file that needs neither config nor PyTorch',
    'visibility': 'learn from human labels how likely keypoints are visible',
    'web': 'write a page that finds keypoints in the browser',
    'browse': 'draw the samples that a config feeds to the network',
    'convert': 'convert checkpoints and configs of other projects to ours, and checkpoints back',
    'models': 'list the networks with parameters, operations and published accuracy',
    'genotype': 'show, draw, convert and compare searched architectures',
    'search': 'search a network for your data and a budget, and compare searches',
    'latency': 'predict the time of networks of a search space on this device',
    'derive': 'derive the network of a search from its supernet',
    'prune': 'prune neural fabrics without changing the output',
    'prune-threshold': 'prune neural fabrics by a threshold, and measure the loss',
    'summary': 'list the layers of a network with parameters and operations',
    'dataset': 'create data sets, such as synthetic people',
    'check-data': 'find broken images and annotations before training',
    'benchmark': 'measure speed and memory against a lower bound',
    'compare': 'train the networks of a plan with several seeds and compare them',
    'doctor': 'check versions, known conflicts and devices of this installation',
    'completion': 'let bash or zsh complete commands, options and names',
}

#: Command that has no module of its own -> module and function that run it.
_ENTRIES = {'prune-threshold': ('prune', 'main_threshold')}


def _build_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    commands = [f'  {name:{width}}  {summary}' for name, summary in COMMANDS.items()]
    statuses = [f'  {status:7}  {meaning}' for status, meaning in MEANINGS.items()]
    parser = OneLineParser(
        prog='posenas',
        usage='posenas COMMAND [options]',
        description='Find, train, measure and ship small human pose networks.',
        epilog='\n\n'.join(
            [
                '\n'.join(['commands:', *commands]),
                'posenas COMMAND --help lists the options of one command.',
                '\n'.join(['exit statuses:', *statuses]),
            ]
        ),
    )
    options = {
        'command COMMAND': dict(choices=COMMANDS, help=argparse.SUPPRESS),
        '--version': dict(action='version', version=f'posenas {__version__}'),
        '--traceback': 'show the traceback of errors; also after COMMAND, or POSENAS_DEBUG=1',
    }
    add_options(parser, options)
    return parser


def find_entry(command: str) -> tuple[str, str]:
    """Return the module of a command, and the function that runs it and returns an exit code.

    The module is called like the command, with ``-`` as ``_``, and has a ``build_parser`` besides.
    """
    module, function = _ENTRIES.get(command, (command.replace('-', '_'), 'main'))
    return f'posenas.cli.{module}', function


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Command and its arguments; those of the process when None.

    Returns:
        Exit status: see :class:`posenas.cli.outcome.Status`.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    is_debug = '--traceback' in words or os.environ.get('POSENAS_DEBUG', '0') not in ('', '0')
    words = [word for word in words if word != '--traceback']
    name = ' '.join(['posenas', *words[:1]])
    return run_command(name, words[1:], lambda: _run(words), is_debug)


def _run(words: list[str]) -> int:
    if words[:1] == ['help']:
        words = [*words[1:], '--help']
    if not words:
        _build_parser().print_help()
        return Status.DONE
    parser = _build_parser()
    if words[0].startswith('-') and words[0] not in parser._option_string_actions:
        parser.error(f'unrecognized arguments: {words[0]}')
    command = parser.parse_args(words[:1]).command
    module, function = find_entry(command)
    entry = import_module(module)
    try:
        return getattr(entry, function)(words[1:])
    except PoseNASError as error:
        text = name_options(str(error), entry.build_parser())
        raise type(error)(text) from error
