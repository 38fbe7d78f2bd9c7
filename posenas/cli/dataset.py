"""``posenas dataset``: draw people, start from your own data, rewrite official files."""

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from posenas.cli.args import CommandParser
from posenas.cli.dataset_init import add_init, init_dataset
from posenas.utils.errors import ConfigError

__all__ = ['build_parser', 'main']


def build_parser() -> argparse.ArgumentParser:
    """List the options of the command."""
    parser = CommandParser('dataset', 'Create data sets.')
    kinds = parser.add_subparsers(
        dest='kind', required=True, metavar='KIND', parser_class=argparse.ArgumentParser
    )
    people = kinds.add_parser(
        'synthetic',
        help='drawn people with exact joints, boxes and visibility',
        description='Draw people: JPEG images, videos as folders of frames, COCO annotations.',
    )
    people.add_argument('--out', required=True, help='new or empty folder')
    people.add_argument('--num-images', type=int, default=0, help='single images')
    people.add_argument('--num-videos', type=int, default=0, help='videos with tracked people')
    people.add_argument('--num-frames', type=int, default=24, help='frames of each video')
    people.add_argument('--seed', type=int, default=0, help='equal seeds give equal files')
    people.add_argument(
        '--size', type=int, nargs=2, default=(640, 480), metavar=('W', 'H'), help='pixels'
    )
    people.add_argument('--people', type=float, default=3.0, help='mean number in an image')
    people.add_argument(
        '--poses',
        default='all',
        choices=('all', 'everyday'),
        help='all: half of them acrobatic; everyday: mostly upright (default: %(default)s)',
    )
    people.add_argument(
        '--jobs', type=int, default=os.cpu_count() or 1, help='processes (default: all cores)'
    )
    add_init(kinds)
    _add_convert(kinds)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments after ``dataset``; those of the process when None.

    Returns:
        Exit code 0.
    """
    args = build_parser().parse_args(argv)
    {'synthetic': _draw, 'convert': _convert, 'init': init_dataset}[args.kind](args)
    return 0


def _add_convert(kinds: argparse._SubParsersAction) -> None:
    parser = kinds.add_parser(
        'convert',
        help='the official files of a data set as COCO keypoint files',
        description='Rewrite the release files of a data set as COCO keypoint files; of MPII also '
        'as the files of its own layout.',
    )
    parser.add_argument(
        'source', choices=('lsp', 'lspet', 'mpii', 'yolo-pose'), help='the data set or layout'
    )
    parser.add_argument(
        'file',
        help='folder of joints.mat and images (lsp, lspet), mpii_human_pose_v1_u12_1.mat, or '
        'data.yaml (yolo-pose)',
    )
    parser.add_argument('--out', required=True, help='folder, such as data/mpii/annotations')
    parser.add_argument(
        '--separated-only',
        action='store_true',
        help='mpii: only persons listed as sufficiently separated from others',
    )
    parser.add_argument(
        '--val',
        metavar='FILE',
        help='mpii: published list of the validation persons, such as valid.json; divides the '
        'training persons',
    )


def _convert(args: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.progress import track

    from posenas import datasets

    if args.source != 'mpii' and (args.val or args.separated_only):
        raise ConfigError(f'--val and --separated-only are for mpii, got {args.source}')
    if args.source == 'mpii':
        counts = datasets.convert_mpii_release(args.file, args.out, args.separated_only, args.val)
    else:
        convert = {
            'lsp': datasets.convert_lsp_release,
            'lspet': datasets.convert_lspet_release,
            'yolo-pose': datasets.convert_yolo_pose,
        }[args.source]
        show = partial(track, description='reading sizes of images', transient=True)
        counts = convert(args.file, args.out, show)
    console = Console(soft_wrap=True, highlight=False)
    for name, count in counts.items():
        console.print(f'{count} persons: {Path(args.out, name)}')


def _draw(args: argparse.Namespace) -> None:
    from rich.progress import Progress

    from posenas.datasets.synthetic import SyntheticSpec, build_synthetic

    spec = SyntheticSpec(
        num_images=args.num_images,
        num_videos=args.num_videos,
        num_frames=args.num_frames,
        seed=args.seed,
        size=tuple(args.size),
        people=args.people,
        poses=args.poses,
    )
    total = spec.num_images + spec.num_videos * spec.num_frames
    with Progress() as progress:
        task = progress.add_task('drawing people', total=total)
        advance = partial(progress.advance, task)
        files = build_synthetic(args.out, spec, args.jobs, advance)
        for file in files:
            progress.console.print(f'annotations: {file}', soft_wrap=True, highlight=False)
