"""Bring checkpoints and configs of other projects to our form, and checkpoints back."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.logging import print_log

from posenas.cli.args import CommandParser, add_download_options, add_translation_options
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config

    from posenas.convert import Conversion, ConversionReport

__all__ = ['build_parser', 'main']

#: Keys of ``posenas.convert.NAMINGS``, which loads torch.
_PROJECTS = ('mmpose0', 'mmpose1', 'hrnet', 'simplebaseline', 'fpd', 'pnfs', 'posenas')
_CONFIG_SUFFIXES = ('.py', '.yaml', '.yml')
#: Names of entries listed for one reason without --verbose.
_NUM_LISTED = 12


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas convert``."""
    parser = CommandParser(
        'convert',
        'Convert a checkpoint, to our names or to those of another project, or a config of another '
        'project.',
        epilog="A network in our names becomes the PoseNAS project's by --to posenas; everything "
        'else becomes ours by it, as it does without --to.',
    )
    parser.add_argument(
        'input', metavar='IN', help='checkpoint (file or http(s) address), or config (.py, .yaml)'
    )
    parser.add_argument('output', metavar='OUT', help='file to write; of a config .py')
    parser.add_argument(
        '--from',
        dest='source',
        choices=('auto', *_PROJECTS),
        default='auto',
        help='whose names the entries of a checkpoint have (default: told from the names)',
    )
    parser.add_argument(
        '--to', choices=_PROJECTS, help='whose names they get (default: those of this library)'
    )
    parser.add_argument(
        '--config',
        metavar='CONFIG',
        help='network that the converted checkpoint must fit, entry by entry',
    )
    parser.add_argument(
        '--trust',
        action='store_true',
        help='let the file run code while it is read: only if you trust its author',
    )
    parser.add_argument(
        '--teacher',
        metavar='YAML',
        help='config of the teacher that FPD merges over IN: OUT distils from it, and it is '
        'written beside OUT with _teacher',
    )
    parser.add_argument('--verbose', action='store_true', help='list every entry by name')
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
    from posenas.utils.download import is_address

    if is_address(args.input):
        _convert_checkpoint(args)
        return 0
    source = Path(args.input)
    if not source.is_file():
        raise ConfigError(f'no file at {source}: check the path')
    if source.resolve() == Path(args.output).resolve():
        raise ConfigError(f'OUT must be another file than IN, got {args.output} twice')
    if source.suffix in _CONFIG_SUFFIXES:
        _convert_config(args)
    else:
        _convert_checkpoint(args)
    return 0


def _convert_config(args: argparse.Namespace) -> None:
    if args.source != 'auto' or args.to or args.trust or args.config or args.sha256:
        raise ConfigError(
            '--from, --to, --trust, --config and --sha256 are for checkpoints, not for configs'
        )
    output = Path(args.output)
    if output.suffix != '.py':
        raise ConfigError(f'OUT must be a .py file where IN is a config, got {output}')
    from posenas.convert import find_config_kind
    from posenas.utils.config import load_config

    cfg = load_config(args.input)
    if find_config_kind(cfg) is None:
        raise ConfigError(
            f'{args.input} must be a config of MMPose 0.x, HRNet, SimpleBaseline, FPD, PNFS or '
            'PoseNAS; one of ours or of MMPose 1.x needs no conversion'
        )
    if args.teacher:
        _convert_distillation(args, cfg, load_config(args.teacher), output)
    else:
        _write_config(_translate(args, cfg), cfg, output)


def _convert_distillation(
    args: argparse.Namespace, student: 'Config', teacher: 'Config', output: Path
) -> None:
    """Write the distillation that two configs of FPD describe, and the teacher's config."""
    from posenas.convert import make_distillation, merge_teacher, take_distillation

    settings = take_distillation(student)
    if 'teacher_checkpoint' not in settings:
        raise ConfigError(
            f'--teacher needs KD.TRAIN_TYPE and KD.TEACHER in {args.input}: they say that it '
            'distils, and which file has the weights of the teacher'
        )
    taught_by = _translate(args, merge_teacher(student, teacher))
    distillation = make_distillation(_translate(args, student), taught_by.model, **settings)
    _write_config(distillation, student, output)
    _write_config(taught_by, student, output.with_name(f'{output.stem}_teacher.py'))


def _translate(args: argparse.Namespace, cfg: 'Config') -> 'Config':
    from posenas.convert import translate_config
    from posenas.utils.config_check import verify_config

    translated = translate_config(cfg, args.legacy, args.strict)
    verify_config(translated)
    return translated


def _write_config(translated: 'Config', source: 'Config', output: Path) -> None:
    from posenas.utils.atomic_io import write_text

    name = Path(source.filename).name
    write_text(output, f'# Translated from {name}.\n{translated.pretty_text}')
    print_log(f'wrote {output}', 'current')


def _convert_checkpoint(args: argparse.Namespace) -> None:
    from posenas.utils.checkpoint import save_checkpoint

    if args.teacher:
        raise ConfigError('--teacher is for configs of FPD')
    loaded = _load(args)
    conversion, target = _convert(loaded, args.source, args.to)
    if args.config:
        _compare(conversion, args.config)
    _show(conversion.report, args.verbose)
    if target in ('ours', 'mmpose0', 'mmpose1'):
        meta = loaded.get('meta')
        kept = {} if not isinstance(meta, Mapping) else {**meta}
        kept.pop('config', None)
        save_checkpoint(dict(meta=kept, state_dict=conversion.state_dict), args.output)
    else:  # the other projects load bare state dicts
        save_checkpoint(conversion.state_dict, args.output)
    print_log(f'wrote {args.output} with {len(conversion.state_dict)} entries', 'current')


def _load(args: argparse.Namespace) -> dict[str, object]:
    from posenas.utils.download import fetch_checkpoint, is_address, read_checkpoint
    from posenas.utils.safe_load import load_trusted_file

    if not args.trust:
        return read_checkpoint(args.input, sha256=args.sha256, trust=args.trust_download)
    if is_address(args.input):
        raise ConfigError(
            '--trust runs code of the file, which must lie here: download it and give its path, '
            f'got {args.input}'
        )
    print_log(f'{args.input} is trusted: it may run code', 'current', level=30)
    return load_trusted_file(fetch_checkpoint(args.input, args.sha256))


def _convert(
    loaded: Mapping[str, object], source: str, target: str | None
) -> tuple['Conversion', str]:
    """Convert to our names and, if asked, on to those of ``target``.

    Returns:
        The conversion, its report from the names in the file to those it gets, and the target,
        'ours' for this library's names.
    """
    from posenas.convert import convert_with_report, export_with_report, find_family
    from posenas.convert.report import join_conversions

    first = convert_with_report(loaded, source)
    if target is None:
        return first, 'ours'
    if target == 'posenas' and (first.report.renamed or find_family(first.state_dict) != 'PoseNAS'):
        return first, 'ours'
    return join_conversions(first, export_with_report(first.state_dict, target)), target


def _compare(conversion: 'Conversion', config: str) -> None:
    """Require that the entries, under our names, are those of the config's network."""
    from posenas.apis.building import build_model
    from posenas.convert import adapt_checkpoint
    from posenas.models import load_state

    if conversion.report.target != 'ours':
        raise ConfigError('--config compares our names: leave --to out')
    model = build_model(config).model
    load_state(model, adapt_checkpoint(conversion.state_dict, model.state_dict()))


def _show(report: 'ConversionReport', verbose: bool) -> None:
    """Print how many entries were renamed, kept and left out, and which."""
    from rich import box
    from rich.table import Table

    from posenas.cli.tables import print_table

    table = Table(box=box.SIMPLE_HEAD, title=f'{report.source} -> {report.target}')
    for name, justify in (('entries', 'left'), ('number', 'right'), ('names', 'left')):
        table.add_column(name, justify=justify)
    renamed = [f'{old} -> {new}' for old, new in report.renamed.items()]
    known = [name for name in report.kept if name not in report.unknown]
    table.add_row('renamed', str(len(renamed)), _list(renamed, verbose, 3))
    table.add_row('left as they are', str(len(known)), _list(known, verbose, 3))
    for reason, names in report.group_dropped().items():
        table.add_row(f'dropped: {reason}', str(len(names)), _list(names, verbose))
    if report.unknown:
        unknown = _list(report.unknown, verbose=True)
        table.add_row('unknown, left as they are', str(len(report.unknown)), unknown)
    print_table(table)


def _list(names: Sequence[str], verbose: bool, most: int = _NUM_LISTED) -> str:
    shown = list(names) if verbose else list(names)[:most]
    more = [f'and {len(names) - len(shown)} more, see --verbose'] if len(shown) < len(names) else []
    return '\n'.join([*shown, *more])
