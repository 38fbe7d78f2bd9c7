"""Train a network on labels and on the heatmaps of a larger one."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from posenas.cli.args import (
    CommandParser,
    add_download_options,
    add_options,
    add_override_options,
    choose_work_dir,
    export_local_rank,
)
from posenas.cli.published_options import add_published_options, apply_published_options
from posenas.cli.published_words import read_distillation
from posenas.cli.reading import check_paths, require_with
from posenas.cli.training import add_training_options, run_training
from posenas.cli.values import COUNT_OR_NONE, SHARE
from posenas.utils.atomic_io import write_text
from posenas.utils.telling import tell

if TYPE_CHECKING:
    from mmengine.config import Config


#: Options that say more about the images of ``--unlabelled``.
_UNLABELLED = ('unlabelled_images', 'unlabelled_boxes', 'labelled_per_batch')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas distill``."""
    parser = CommandParser(
        'distill',
        'Train a student on labels and on the heatmaps of a teacher; data, optimizer and schedule '
        "are those of the student's config.",
        epilog=(
            'Keys of --cfg-options that begin with model., such as '
            'model.teacher_flip_test=True, change the composed config; other keys change '
            "the student's."
        ),
    )
    config = 'config file, or the name of a shipped one'
    options = {
        '--student --cfg CONFIG': dict(required=True, help=config),
        '--student-checkpoint CHECKPOINT': 'weights that the student starts from',
        '--teacher --tcfg CONFIG': dict(required=True, help=config),
        '--teacher-checkpoint CHECKPOINT': "the teacher's weights (default: KD.TEACHER of YAML)",
        '--alpha A': dict(
            type=SHARE,
            help="share of the teacher's term in [0, 1] (default: KD.ALPHA of YAML, else 0.5)",
        ),
    }
    add_options(parser, options)
    _add_unlabelled_options(parser)
    parser.add_argument(
        '--out', metavar='CONFIG', help='write the composed config here instead of training'
    )
    add_override_options(parser)
    add_training_options(parser)
    add_published_options(parser, 'distill')
    add_download_options(parser, "the teacher's checkpoint")
    return parser


def _add_unlabelled_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        'images without labels, on which the student learns from the teacher alone'
    )
    options = {
        '--unlabelled ANN': 'file in the layout of COCO or MPII, of which only boxes are used',
        '--unlabelled-images DIR': 'folder of these images (default: the training images)',
        '--unlabelled-boxes FILE': 'detected boxes instead of the boxes of ANN',
        '--labelled-per-batch N': dict(
            type=COUNT_OR_NONE,
            help='samples with labels in each batch, 0 for none (default: half of the batch)',
        ),
    }
    add_options(group, options)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas distill``.

    Raises:
        ConfigError: Options and configs do not fit together.
    """
    words = read_distillation(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(words)
    export_local_rank(args)
    check_paths(args, new_files=('out',))
    cfg = compose(args)
    if args.out:
        write_text(args.out, cfg.pretty_text)
        tell(f'wrote {args.out}')
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
    require_with(args, 'unlabelled', *_UNLABELLED)
    from posenas.apis import add_unlabelled, compose_distillation

    cfg = compose_distillation(
        args.student,
        args.teacher,
        args.teacher_checkpoint,
        args.student_checkpoint,
        args.alpha,
        args.cfg_options,
        args.legacy,
        args.strict,
        args.sha256,
        args.trust_download,
    )
    if args.unlabelled:
        boxes = args.unlabelled_boxes
        images = args.unlabelled_images
        add_unlabelled(cfg, args.unlabelled, images, boxes, args.labelled_per_batch)
    return cfg
