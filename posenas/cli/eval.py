"""Score stored predictions, without a network."""

import argparse
import json
from collections.abc import Sequence

from posenas.cli.args import CommandParser
from posenas.utils.errors import ConfigError

__all__ = ['build_parser', 'main']


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas eval``."""
    parser = CommandParser('eval', 'Score stored predictions, without a network.')
    kinds = parser.add_subparsers(
        dest='what', required=True, metavar='WHAT', parser_class=argparse.ArgumentParser
    )
    for name, text in (
        ('coco', 'average precision of COCO'),
        ('crowdpose', 'average precision of CrowdPose, by crowding'),
        ('pck', 'share of joints near the truth, in units of the box'),
    ):
        _add_results(kinds.add_parser(name, help=text, description=f'Report {text}.'), name)
    mpii = kinds.add_parser(
        'mpii', help='PCKh of MPII', description='Report PCKh with the head boxes of MPII.'
    )
    mpii.add_argument('results', help='preds (N, 16, 2) in a .mat or .npz file')
    mpii.add_argument('--gt', required=True, metavar='FILE.mat', help='mpii_gt_val.mat')
    mpii.add_argument(
        '--zero-based', action='store_true', help='pixels are counted from 0, not from 1 as in MPII'
    )
    _add_common(mpii)
    posetrack = kinds.add_parser(
        'posetrack',
        help='average precision of PoseTrack 2018, and tracking',
        description='Report what the official tool of PoseTrack 2018 reports.',
    )
    posetrack.add_argument('results', help='folder of official files, one .json per video')
    posetrack.add_argument(
        '--gt', required=True, metavar='DIR', help='folder of official files, or one merged file'
    )
    posetrack.add_argument(
        '--tracking', action='store_true', help='also MOTA and MOTP; needs track_id in all files'
    )
    _add_common(posetrack, unit='videos')
    compare = kinds.add_parser(
        'compare',
        help='two result files on the same images',
        description='Report the difference of two result files and how certain it is.',
    )
    compare.add_argument('results', help='result file A')
    compare.add_argument('other', help='result file B')
    _add_truth(compare)
    _add_common(compare, samples=1000)
    return parser


def _add_results(parser: argparse.ArgumentParser, kind: str) -> None:
    parser.add_argument('results', help='list of {image_id, category_id, keypoints, score}')
    _add_truth(parser)
    if kind == 'pck':
        parser.add_argument(
            '--thr',
            type=float,
            nargs='+',
            default=[0.05, 0.1, 0.2],
            metavar='X',
            help='distances relative to the longer side of the box (default: 0.05 0.1 0.2)',
        )
    else:
        parser.add_argument(
            '--errors', action='store_true', help='tell jitter, inversion, swap and miss apart'
        )
    parser.add_argument('--out-dir', metavar='DIR', help='draw errors and curves of the joints')
    parser.add_argument('--images', metavar='DIR', help='images, to draw the worst cases')
    parser.add_argument(
        '--worst', type=int, default=16, metavar='N', help='persons drawn (default: %(default)s)'
    )
    _add_common(parser)


def _add_truth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--gt', required=True, metavar='FILE', help='annotations in COCO layout')
    parser.add_argument('--skeleton', metavar='NAME', help='default: the joints named by --gt')
    parser.add_argument('--sigmas', type=float, nargs='+', metavar='S', help='one per joint')
    parser.add_argument('--no-area', action='store_true', help='areas are 0.53 times the box')


def _add_common(parser: argparse.ArgumentParser, samples: int = 0, unit: str = 'images') -> None:
    parser.add_argument(
        '--bootstrap',
        type=int,
        default=samples,
        metavar='N',
        help=f'95%% intervals from N resamplings of the {unit} (default: %(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='of the resampling')
    parser.add_argument('--out-metrics', metavar='FILE.json', help='save the scores')


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas eval``; returns its exit code.

    Raises:
        ConfigError: An option is out of its range.
        DataError: A file cannot be read or is malformed.
    """
    args = build_parser().parse_args(argv)
    if args.bootstrap < 0 or getattr(args, 'worst', 0) < 0:
        raise ConfigError('--bootstrap and --worst must not be negative')
    from posenas.cli import eval_reports as reports
    from posenas.cli.eval_posetrack import report_posetrack
    from posenas.utils.atomic_io import write_text

    report = {
        'coco': reports.report_precision,
        'crowdpose': reports.report_precision,
        'pck': reports.report_pck,
        'mpii': reports.report_mpii,
        'posetrack': report_posetrack,
        'compare': reports.report_comparison,
    }[args.what](args)
    if args.out_metrics:
        write_text(args.out_metrics, json.dumps(report, indent=1) + '\n')
    return 0
