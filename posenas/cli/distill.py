"""Train a network on labels and on the maps of a larger one."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.logging import print_log

from posenas.cli.args import (
    CommandParser,
    add_download_options,
    add_override_options,
    choose_work_dir,
    export_local_rank,
    pin,
)
from posenas.cli.published_options import add_published_options, apply_published_options
from posenas.cli.published_words import read_distillation
from posenas.cli.training import add_training_options, run_training
from posenas.utils.errors import ConfigError

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ['build_parser', 'compose', 'main', 'mix_in']

_ALPHA = 0.5


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas distill``."""
    parser = CommandParser(
        'distill',
        'Train a student on labels and on the maps of a teacher; data, optimizer and schedule are '
        "those of the student's config.",
        epilog='--cfg-options change the composed config where they begin with model., as in '
        "model.teacher_flip_test=True, and else the student's.",
    )
    config = 'config file, or the name of a shipped one'
    parser.add_argument('--student', '--cfg', required=True, metavar='CONFIG', help=config)
    parser.add_argument(
        '--student-checkpoint', metavar='FILE', help='weights that the student starts from'
    )
    parser.add_argument('--teacher', '--tcfg', required=True, metavar='CONFIG', help=config)
    parser.add_argument(
        '--teacher-checkpoint', metavar='FILE', help='its weights (default: KD.TEACHER of YAML)'
    )
    parser.add_argument(
        '--alpha',
        type=float,
        metavar='A',
        help=f"share of the teacher's term in [0, 1] (default: KD.ALPHA of YAML, else {_ALPHA})",
    )
    _add_unlabelled_options(parser)
    parser.add_argument(
        '--out', metavar='FILE', help='write the composed config here instead of training by it'
    )
    add_override_options(parser)
    add_training_options(parser)
    add_published_options(parser, 'distill')
    add_download_options(parser, "the teacher's checkpoint")
    return parser


def _add_unlabelled_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('images without labels, which the teacher alone labels')
    group.add_argument(
        '--unlabelled',
        metavar='ANN',
        help='file in the layout of COCO or MPII: its boxes are used, its labels are not',
    )
    group.add_argument(
        '--unlabelled-images', metavar='DIR', help='their folder (default: that of training)'
    )
    group.add_argument(
        '--unlabelled-boxes', metavar='FILE', help='detected boxes instead of those of ANN'
    )
    group.add_argument(
        '--labelled-per-batch',
        type=int,
        metavar='N',
        help='samples with labels in each batch, 0 for none (default: half of the batch)',
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas distill``.

    Raises:
        ConfigError: Options and configs do not fit together.
    """
    words = read_distillation(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(words)
    export_local_rank(args)
    cfg = compose(args)
    if args.out:
        _write(cfg, Path(args.out))
        return 0
    args.sha256 = None  # was that of the teacher
    cfg.launcher = args.launcher
    cfg.work_dir = choose_work_dir(args.work_dir, cfg, cfg.filename)
    apply_published_options(args, cfg, 'distill')
    run_training(args, cfg)
    return 0


def compose(args: argparse.Namespace) -> 'Config':
    """Compose the distillation that the options of :func:`build_parser` describe, and verify it.

    Raises:
        ConfigError: A config is broken, or there are no weights of the teacher.
    """
    from posenas.apis.building import find_and_load, load_checked
    from posenas.convert import make_distillation, merge_teacher, take_distillation
    from posenas.utils.config import override_config
    from posenas.utils.config_check import verify_config
    from posenas.utils.config_forms import is_foreign_config

    student = find_and_load(args.student)
    if is_foreign_config(student):  # the teacher's settings begin with all of these
        override_config(student, _own(args.cfg_options))
    settings = dict(alpha=_ALPHA) | take_distillation(student)
    if args.alpha is not None:
        settings['alpha'] = args.alpha
    if args.teacher_checkpoint is not None:
        settings['teacher_checkpoint'] = args.teacher_checkpoint
    if 'teacher_checkpoint' not in settings:
        raise ConfigError('--teacher-checkpoint must be given: a teacher needs trained weights')
    settings['teacher_checkpoint'] = pin(args, settings['teacher_checkpoint'])
    options = dict(args.cfg_options or {})
    later = {key: options.pop(key) for key in list(options) if key.startswith('model.')}
    teacher = merge_teacher(student, find_and_load(args.teacher))
    teacher = load_checked(teacher, None, args.legacy, args.strict)
    student = load_checked(student, options, args.legacy, args.strict)
    if args.unlabelled:
        mix_in(student, args)
    cfg = make_distillation(
        student, teacher.model, student_checkpoint=args.student_checkpoint, **settings
    )
    override_config(cfg, later)
    verify_config(cfg)
    return cfg


def _own(options: dict | None) -> dict[str, Any]:
    """Return the overrides that are settings of a YAML file, as their capitals say."""
    return {key: value for key, value in (options or {}).items() if key.split('.')[0].isupper()}


def mix_in(cfg: 'Config', args: argparse.Namespace) -> None:
    """Add the images without labels to the training data of ``cfg``, in place.

    Raises:
        ConfigError: The training data consist of several sets, or the shares are impossible.
    """
    loader = cfg.train_dataloader
    labelled = loader.dataset
    if 'datasets' in labelled or 'dataset' in labelled:
        raise ConfigError(
            f'--unlabelled needs one data set in train_dataloader, got {labelled.type}: write a '
            'config with LabelledRatioSampler and UnlabelledTopdownDataset'
        )
    share = args.labelled_per_batch
    share = loader.batch_size // 2 if share is None else share
    if not 0 <= share < loader.batch_size:
        raise ConfigError(
            f'--labelled-per-batch must be at least 0 and below the batch size '
            f'{loader.batch_size}, got {share}'
        )
    unlabelled = _describe_unlabelled(labelled, args)
    if share == 0:
        loader.dataset = unlabelled
        return
    loader.dataset = dict(type='ConcatDataset', datasets=[labelled, unlabelled])
    loader.sampler = dict(type='LabelledRatioSampler', labelled_per_batch=share)


def _describe_unlabelled(labelled: dict, args: argparse.Namespace) -> dict[str, Any]:
    """Return the config of the data set whose samples are made as the labelled ones are."""
    from posenas.registry import DATASETS

    kept = ('pipeline', 'generation', 'num_views', 'bad_sample_policy', 'max_refetch')
    folder = args.unlabelled_images or str(
        Path(labelled.get('data_root') or '', (labelled.get('data_prefix') or {}).get('img', ''))
    )
    skeleton = labelled.get('metainfo') or dict(DATASETS.get(labelled['type']).METAINFO)
    return dict(
        type='UnlabelledTopdownDataset',
        ann_file=args.unlabelled,
        bbox_file=args.unlabelled_boxes,
        layout=_find_layout(args.unlabelled),
        data_prefix=dict(img=folder),
        metainfo=skeleton,
        **{key: labelled[key] for key in kept if key in labelled},
    )


def _find_layout(path: str) -> str:
    """Tell MPII's layout, a list, from COCO's."""
    try:
        with open(path, encoding='utf-8') as file:
            return 'mpii' if file.read(256).lstrip().startswith('[') else 'coco'
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'--unlabelled must be a readable JSON file: {error}') from error


def _write(cfg: 'Config', path: Path) -> None:
    from posenas.utils.atomic_io import write_text

    write_text(path, cfg.pretty_text)
    print_log(f'wrote {path}', 'current')
