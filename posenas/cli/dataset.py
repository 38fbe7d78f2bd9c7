"""``posenas dataset``: draw people, start from your own data, rewrite official files."""

import argparse
import os
from collections.abc import Sequence
from functools import partial

from posenas.cli.args import CommandParser
from posenas.cli.dataset_init import add_init, init_dataset

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
    release = kinds.add_parser(
        'convert',
        help='an official annotation file as the files that trainings read',
        description='Rewrite the release file of a data set: mpii_trainval.json, '
        'mpii_gt_trainval.mat and mpii_test.json.',
    )
    release.add_argument('source', choices=('mpii',), help='the data set')
    release.add_argument('file', help='mpii_human_pose_v1_u12_1.mat')
    release.add_argument('--out', required=True, help='folder, such as data/mpii/annotations')
    release.add_argument(
        '--separated-only',
        action='store_true',
        help='only persons listed as sufficiently separated from others',
    )
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


def _convert(args: argparse.Namespace) -> None:
    from rich.console import Console

    from posenas.datasets import convert_mpii_release

    count = convert_mpii_release(args.file, args.out, args.separated_only)
    Console().print(f'{count} persons with joints: {args.out}', soft_wrap=True, highlight=False)


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
