"""Bring checkpoints and configs of other projects to our form, and checkpoints back."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.cli.args import (
    CommandParser,
    add_download_options,
    add_options,
    add_translation_options,
    out,
)
from posenas.cli.printing import print_table
from posenas.cli.reading import check_paths
from posenas.utils.errors import ConfigError
from posenas.utils.telling import tell

if TYPE_CHECKING:
    from posenas.convert import ConversionReport

#: Keys of ``posenas.convert.NAMINGS``, which loads torch.
_PROJECTS = ('mmpose0', 'mmpose1', 'hrnet', 'simplebaseline', 'fpd', 'pnfs', 'posenas')
_CONFIG_SUFFIXES = ('.py', '.yaml', '.yml')
#: Options that say how a checkpoint is converted.
_OF_CHECKPOINTS = (
    *('source', 'to', 'trust', 'config', 'sha256', 'trust_download', 'half', 'average', 'verbose'),
)
#: Names of entries listed for one reason without --verbose.
_NUM_LISTED = 12


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas convert``."""
    parser = CommandParser(
        'convert',
        (
            'Convert a checkpoint to our names or to those of another project, or a config of '
            'another project to ours.'
        ),
        epilog=(
            '--to posenas converts a checkpoint with our names to the PoseNAS project, and '
            'any other checkpoint to our names, as without --to.'
        ),
    )
    options = {
        'input IN': 'checkpoint (file or http(s) address), or config (.py, .yaml)',
        **out('OUT', 'file to write (.py for a config; .safetensors for weights alone)'),
        '--from': dict(
            dest='source',
            choices=('auto', *_PROJECTS),
            default='auto',
            help='project whose names the checkpoint has (default: recognised by the names)',
        ),
        '--to': dict(
            choices=_PROJECTS, help='project whose names to write (default: this library)'
        ),
        '--config CONFIG': 'network that the converted checkpoint must fit, entry by entry',
        '--trust': 'let the file run code while it is read; use it only if you trust the author',
        '--teacher YAML': (
            'config of a teacher of FPD, which is merged over IN; OUT distils '
            'from it, and it is written beside OUT with _teacher'
        ),
        '--average FILE': dict(
            nargs='+',
            default=[],
            help='further checkpoints of the same network: OUT gets the mean of all weights',
        ),
        '--half': 'write a .safetensors file in half precision',
        '--verbose': 'list every entry by name',
    }
    add_options(parser, options)
    add_translation_options(parser)
    add_download_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas convert``; returns its exit code.

    Raises:
        ConfigError: Options do not fit the file, or a config cannot be translated.
        CheckpointError: A checkpoint cannot be read safely, is of no known project or does not
            fit the network of ``--config``.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, new_files=('out',))
    is_address = re.match('https?://', args.input)
    if Path(args.input).suffix in _CONFIG_SUFFIXES and not is_address:
        _convert_config(args)
    else:
        _convert_checkpoint(args)
    return 0


def _convert_config(args: argparse.Namespace) -> None:
    args.source = None if args.source == 'auto' else args.source
    given = [name for name in _OF_CHECKPOINTS if getattr(args, name)]
    if given:
        option = given[0].replace('source', 'from').replace('_', '-')
        raise ConfigError(f'--{option} is for checkpoints, not for configs: leave it out')
    from posenas.apis import convert_config

    for path in convert_config(args.input, args.out, args.teacher, args.legacy, args.strict):
        tell(f'wrote {path}')


def _convert_checkpoint(args: argparse.Namespace) -> None:
    given = [name for name in ('teacher', 'strict') if getattr(args, name)]
    if given or not args.legacy:
        option = given[0] if given else 'modern'
        raise ConfigError(f'--{option} is for configs, got {args.input}: leave it out')
    from posenas.apis import convert_checkpoint

    made = convert_checkpoint(
        args.input,
        args.out,
        args.source,
        args.to,
        args.config,
        args.trust,
        args.sha256,
        args.trust_download,
        args.half,
        args.average,
    )
    _show(made.report, args.verbose)
    tell(f'wrote {args.out} with {len(made.state_dict)} entries')


def _show(report: 'ConversionReport', verbose: bool) -> None:
    """Print how many entries were renamed, kept and left out, and which."""
    renamed = [f'{old} -> {new}' for old, new in report.renamed.items()]
    known = [name for name in report.kept if name not in report.unknown]
    rows = [
        ('renamed', len(renamed), _list(renamed, verbose, 3)),
        ('left as they are', len(known), _list(known, verbose, 3)),
    ]
    for reason, names in report.group_dropped().items():
        rows.append((f'dropped: {reason}', len(names), _list(names, verbose)))
    if report.unknown:
        unknown = _list(report.unknown, verbose=True)
        rows.append(('unknown, left as they are', len(report.unknown), unknown))
    title = f'{report.source} -> {report.target}'
    columns = ('entries', 'number', 'names')
    print_table(columns, rows, title=title, left=('entries', 'names'), is_plain=True)


def _list(names: Sequence[str], verbose: bool, most: int = _NUM_LISTED) -> str:
    shown = list(names) if verbose else list(names)[:most]
    more = [f'and {len(names) - len(shown)} more, see --verbose'] if len(shown) < len(names) else []
    return '\n'.join([*shown, *more])
