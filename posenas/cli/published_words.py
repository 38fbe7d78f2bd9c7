"""Command lines as the projects published them, word by word, read as those of today."""

import argparse
import os
import re
import sys
from collections.abc import Sequence

from posenas.utils.errors import ConfigError
from posenas.utils.telling import tell

#: A setting on the command line of FPD: a key of its YAML files, and behind it the value.
_SETTING = re.compile(r'[A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)+')
_SETTINGS_AT_TOP = frozenset(
    {
        *('AUTO_RESUME', 'DATA_DIR', 'GPUS', 'LOG_DIR', 'OUTPUT_DIR', 'PIN_MEMORY', 'PRINT_FREQ'),
        *('RANK', 'WORKERS'),
    }
)
#: Setting of FPD's YAML files -> option of ``posenas distill``.
_DISTILLATION = {
    'KD.TRAIN_TYPE': None,
    'KD.TEACHER': '--teacher-checkpoint',
    'KD.ALPHA': '--alpha',
    'TRAIN.CHECKPOINT': '--student-checkpoint',
}


def parse_published(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None
) -> argparse.Namespace:
    """Parse a command line of today or of one of the projects.

    ``KEY VALUE``, FPD's way to change a setting, is read as ``--cfg-options KEY=VALUE``.
    """
    words, settings = split_settings(sys.argv[1:] if argv is None else argv)
    takes_weights = any(action.dest == 'checkpoint' for action in parser._actions)
    weights = settings.pop('TEST.MODEL_FILE', None) if takes_weights else None
    if settings:
        words += ['--cfg-options', *(f'{key}={value}' for key, value in settings.items())]
    args = parser.parse_intermixed_args(words)
    if args.cfg:
        if takes_weights:
            args.checkpoint = args.checkpoint or args.config
        elif args.config:
            parser.error(f'give either CONFIG, {args.config}, or --cfg {args.cfg}')
        args.config = args.cfg
    if getattr(args, 'validate', False) and args.no_validate:
        parser.error('--validate and --no-validate contradict each other')
    if not args.config:
        parser.error('the following arguments are required: CONFIG')
    if takes_weights:
        args.checkpoint = args.test_model or weights or args.checkpoint
    if getattr(args, 'distributed', False):
        _read_launcher(args)
    return args


def split_settings(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take the pairs KEY VALUE out of a command line; mend PNFS's ``---margin``."""
    kept: list[str] = []
    settings: dict[str, str] = {}
    left = iter(words)
    for word in left:
        if _SETTING.fullmatch(word) or word in _SETTINGS_AT_TOP:
            value = next(left, None)
            if value is None:
                raise ConfigError(f'{word} must be followed by its value')
            settings[word] = value
        else:
            kept.append(re.sub('^---', '--', word))
    return kept, settings


def has_teacher(words: Sequence[str]) -> bool:
    """Tell whether a command line is FPD's for a student and a teacher, ``--tcfg FILE``."""
    if not any(word.partition('=')[0] == '--tcfg' for word in words):
        return False
    kind = split_settings(words)[1].get('KD.TRAIN_TYPE', 'FPD')
    if kind != 'FPD':
        tell(f'KD.TRAIN_TYPE is {kind}: the student is trained without its teacher')
    return kind == 'FPD'


def read_distillation(words: Sequence[str]) -> list[str]:
    """Bring FPD's settings of teacher and student to the options of ``posenas distill``."""
    kept, settings = split_settings(words)
    for key, option in _DISTILLATION.items():
        value = settings.pop(key, '')
        kept += [option, value] if option and value else []
    if settings:
        kept += ['--cfg-options', *(f'{key}={value}' for key, value in settings.items())]
    return kept


def _read_launcher(args: argparse.Namespace) -> None:
    if 'RANK' in os.environ:
        args.launcher = 'pytorch'
    else:
        tell('--distributed: this is one process; tools/dist_train.sh starts several')
