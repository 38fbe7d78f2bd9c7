"""``posenas dataset``: draw people, start from your own data, rewrite official files."""

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.cli.args import CommandParser, Kind, add_kinds, count
from posenas.cli.printing import print_lines, print_table, show_bar, show_progress
from posenas.cli.reading import check_paths, require_with
from posenas.cli.values import COUNT_OR_NONE, SEED, SHARE, SIDE, WORKERS, number
from posenas.utils.errors import ConfigError
from posenas.utils.outputs import hide_outputs

if TYPE_CHECKING:
    from posenas.apis.fine_tuning import Start
    from posenas.apis.new_dataset import DatasetStart
    from posenas.utils.schedule import FittedSchedule

#: ``posenas.apis.new_dataset.DEFAULT_BASE``, which loads torch.
_BASE = 's_vipnas_res50_lspet_128x96'


_KINDS = {
    'synthetic': Kind(
        'synthetic people with exact keypoints, boxes and visibility',
        {
            '--out DIR': dict(required=True, help='new or empty folder'),
            '--num-images N': count(0, 'single images', COUNT_OR_NONE),
            '--num-videos N': count(0, 'videos with tracked people', COUNT_OR_NONE),
            '--num-frames N': count(24, 'frames of each video'),
            '--seed N': dict(type=SEED, default=0, help='equal seeds give equal files'),
            '--size W H': dict(
                type=SIDE,
                nargs=2,
                default=(640, 480),
                help='size of the images, pixels (default: 640 480)',
            ),
            '--people N': dict(
                type=number(),
                default=3.0,
                help=('mean number of people in an image (default: %(default)g)'),
            ),
            '--poses': dict(
                default='all',
                choices=('all', 'everyday'),
                help=(
                    'poses of the people: all, half of them acrobatic; everyday, mostly '
                    'upright (default: %(default)s)'
                ),
            ),
            '--level': dict(
                choices=('easy', 'medium', 'hard'),
                help=(
                    'difficulty of the videos: fast and blurred motion, people and things '
                    'passing by, low resolution, a shaking camera, boxes of whole bodies '
                    '(default: slow and sharp, boxes of visible parts)'
                ),
            ),
            '--jobs N': dict(
                type=WORKERS, default=os.cpu_count() or 1, help='processes (default: all cores)'
            ),
        },
        'Render people: JPEG images, videos as folders of frames, COCO annotations.',
    ),
    'init': Kind(
        'config that trains on your own annotation file',
        {
            'file': 'COCO keypoint file (.json)',
            '--val FILE': 'keypoint file for validation',
            '--images DIR': 'folder of the images (default: searched near the file)',
            '--val-images DIR': 'folder of the validation images, likewise',
            '--val-share S': dict(
                type=SHARE,
                default=0.1,
                help='without --val: share of the images to validate on, chosen at random and '
                'written to two files in ./outputs (default: %(default)s)',
            ),
            '--seed N': count(0, 'seed of --val-share', SEED),
            '--out CONFIG': 'config to write (default: configs/NAME.py)',
            '--model CONFIG': dict(
                default=_BASE,
                help='network and training to start from, as posenas models lists them, or a '
                'config of configs/search (default: %(default)s)',
            ),
            '--supernet CHECKPOINT': (
                'checkpoint of the supernet of a search, trained on these data'
            ),
            '--from CHECKPOINT|NAME': dict(
                dest='start',
                help='trained network to fine-tune: weights of --model, or the name of a network '
                'that comes with the library (default: from scratch)',
            ),
            '--name NAME': 'name of the data set (default: from the file or the config)',
        },
        (
            'Read a COCO keypoint file, propose the settings of its keypoints, write a config, and '
            'print and draw the proposal.'
        ),
    ),
    'convert': Kind(
        'official files of a data set as COCO keypoint files',
        {
            'source': dict(
                choices=('lsp', 'lspet', 'mpii', 'yolo-pose'), help='data set or layout'
            ),
            'file': 'folder of joints.mat and images (lsp, lspet), mpii_human_pose_v1_u12_1.mat, '
            'or data.yaml (yolo-pose)',
            '--out DIR': dict(
                required=True, help=('folder to write, such as data/mpii/annotations')
            ),
            '--separated-only': 'mpii: only people listed as sufficiently separated from others',
            '--val FILE': (
                'mpii: published list of validation people that divides the training '
                'people, such as valid.json'
            ),
        },
        (
            'Rewrite the official files of a data set as COCO keypoint files, those of MPII also '
            'in its own layout.'
        ),
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """List the options of the command."""
    parser = CommandParser('dataset', 'Create data sets.')
    add_kinds(parser, 'kind', _KINDS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: Arguments after ``dataset``; those of the process when None.

    Returns:
        Exit code 0.
    """
    args = build_parser().parse_args(argv)
    {'synthetic': _draw, 'convert': _convert, 'init': _init}[args.kind](args)
    return 0


def _convert(args: argparse.Namespace) -> None:
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
        counts = convert(
            args.file, args.out, lambda items: show_progress(items, 'reading sizes of images')
        )
    print_lines(*(f'{count} people: {Path(args.out, name)}' for name, count in counts.items()))


def _draw(args: argparse.Namespace) -> None:
    require_with(args, 'num_videos', 'level')
    from posenas.datasets.synthetic import SyntheticSpec, build_synthetic

    spec = SyntheticSpec(
        num_images=args.num_images,
        num_videos=args.num_videos,
        num_frames=args.num_frames,
        seed=args.seed,
        size=tuple(args.size),
        people=args.people,
        poses=args.poses,
        level=args.level or '',
    )
    total = spec.num_images + spec.num_videos * spec.num_frames
    with show_bar('rendering people', total) as bar:
        files = build_synthetic(args.out, spec, args.jobs, bar.advance)
    print_lines(*(f'annotations: {file}' for file in files))
    parts = [f'{spec.num_images} images'] if spec.num_images else []
    parts += [f'{spec.num_videos} videos of {spec.num_frames} frames'] * bool(spec.num_videos)
    print_lines(f'rendered {" and ".join(parts) or "nothing: set --num-images or --num-videos"}')


def _init(args: argparse.Namespace) -> None:
    require_with(args, 'val', 'val_images')
    check_paths(
        args, files=('val', 'supernet'), folders=('images', 'val_images'), new_files=('out',)
    )
    from posenas.apis import init_dataset

    made = init_dataset(
        args.file,
        args.val,
        args.images,
        args.val_images,
        args.val_share,
        args.seed,
        args.out,
        args.model,
        args.name,
        args.supernet,
        args.start,
    )
    hide_outputs()
    _print_start(made)


def _print_start(made: 'DatasetStart') -> None:
    """Print the proposal and what was written."""
    skeleton = made.proposal.skeleton
    rows = []
    for joint, name in enumerate(skeleton.joint_names):
        partner = skeleton.flip_indices[joint]
        pair = skeleton.joint_names[partner] if partner != joint else '-'
        sources = made.proposal.pair_sources[joint], made.proposal.sigma_sources[joint]
        rows.append((joint, name, pair, sources[0], f'{skeleton.sigmas[joint]:g}', sources[1]))
    columns = ('', 'keypoint', 'partner', 'source', 'sigma', 'source')
    print_table(columns, rows)
    limbs = f'{len(skeleton.limbs)} limbs: {made.proposal.limb_source}'
    left_out = ', '.join(f'{count} {why}' for why, count in made.left_out.items())
    train = shlex.join(['posenas', 'train', str(made.config)])
    print_lines(
        f'{made.num_persons} people; {limbs}',
        *([f'left out: {left_out}'] if left_out else []),
        *(f'to check: {doubt}' for doubt in made.proposal.doubts),
        *([_describe_schedule(made.schedule)] if made.schedule else []),
        *([_describe_start(made.start)] if made.start else []),
        f'picture: {made.picture}' if made.picture else 'no picture: the images were not found',
        f'config: {made.config}; train it: {train}',
    )


def _describe_schedule(schedule: 'FittedSchedule') -> str:
    warm_up = f', warm-up of {schedule.warm_up} iterations' if schedule.warm_up else ''
    return (
        f'schedule: {schedule.num_epochs} epochs of {schedule.num_batches} batches{warm_up}, '
        f'checkpoints every {schedule.interval} epochs; posenas train --epochs N scales it'
    )


def _describe_start(start: 'Start') -> str:
    other = [f'{new} from {old}' for new, old in start.taken.items() if new != old]
    known = f'{len(start.taken)} keypoints keep their outputs'
    known += f' ({", ".join(other)})' if other else ''
    anew = f'; {len(start.anew)} start from the mean of these: {", ".join(start.anew)}'
    return f'start: {known}{anew if start.anew else ""}; {start.file}'
