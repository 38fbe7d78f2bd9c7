"""Score stored predictions, without a network."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from posenas.cli.args import CommandParser, Kind, add_kinds, count
from posenas.cli.printing import print_lines, print_table, show_progress
from posenas.cli.reading import check_paths, require_with, speak_of_options
from posenas.cli.values import COUNT_OR_NONE, POSITIVE, RESAMPLINGS, SEED
from posenas.utils.atomic_io import write_json

if TYPE_CHECKING:
    from posenas.apis.grouping import GroupScore
    from posenas.apis.scoring import ErrorReport, ScoreReport
    from posenas.evaluation import StoredPoses


def _make_common(samples: int = 0, unit: str = 'images') -> dict[str, Any]:
    """Return the options of all kinds."""
    text = f'95%% intervals from N resamplings of the {unit} (default: %(default)s)'
    return {
        '--bootstrap N': dict(type=RESAMPLINGS, default=samples, help=text),
        '--seed N': count(0, 'seed of the resampling', SEED),
        '--out-metrics FILE.json': 'save the scores',
    }


def _make_kind(text: str, own: dict[str, Any]) -> Kind:
    """Return a kind of scores of results in COCO's layout, with options of its own."""
    options = {
        'results': 'list of {image_id, category_id, keypoints, score}',
        **_TRUTH,
        **own,
        '--out --out-dir DIR': dict(
            dest='out_dir', help='folder for drawn errors and curves of the keypoints'
        ),
        '--images DIR': 'folder of the images, to draw the worst cases',
        '--worst N': count(16, 'people to draw', COUNT_OR_NONE),
        **_make_common(),
    }
    return Kind(text, options, f'Report {text}.')


_TRUTH = {
    '--gt FILE': dict(required=True, help='annotations in COCO layout'),
    '--skeleton NAME': 'built-in skeleton (default: the keypoints of --gt)',
    '--sigmas S': dict(type=POSITIVE, nargs='+', help='one sigma per keypoint'),
    '--no-area': 'take 0.53 times the box as the area',
}
_ERRORS = {'--errors': 'count jitter, inversion, swap and miss separately'}
_DISTANCES = {
    '--thr X': dict(
        type=POSITIVE,
        nargs='+',
        default=[0.05, 0.1, 0.2],
        help='distances relative to the longer side of the box (default: 0.05 0.1 0.2)',
    ),
    '--groups': 'show PCK@0.1 by size, occlusion and pose of people too',
}
_KINDS = {
    'coco': _make_kind('average precision of COCO', _ERRORS),
    'crowdpose': _make_kind('average precision of CrowdPose, by crowding', _ERRORS),
    'pck': _make_kind('share of keypoints near the truth, in units of the box', _DISTANCES),
    'mpii': Kind(
        'PCKh of MPII',
        {
            'results': 'preds (N, 16, 2) in a .mat or .npz file',
            '--gt FILE.mat': dict(required=True, help='mpii_gt_val.mat'),
            '--zero-based': 'count pixels from 0, not from 1 as in MPII',
            **_make_common(),
        },
        'Report PCKh with the head boxes of MPII.',
    ),
    'posetrack': Kind(
        'average precision of PoseTrack 2018, and tracking',
        {
            'results': 'folder of official files, one .json per video',
            '--gt DIR': dict(required=True, help='folder of official files, or one merged file'),
            '--tracking': 'add MOTA and MOTP, which need track_id in all files',
            **_make_common(unit='videos'),
        },
        'Report the scores of the official tool of PoseTrack 2018.',
    ),
    'compare': Kind(
        'difference of two result files on the same images',
        {
            'results': 'result file A',
            'other': 'result file B',
            **_TRUTH,
            '--thr X': dict(
                type=POSITIVE,
                nargs='+',
                default=[],
                help='compare PCK too, at these distances relative to the longer side of the box',
            ),
            **_make_common(samples=1000),
        },
        'Report the difference of two result files and how certain it is.',
    ),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``posenas eval``."""
    parser = CommandParser('eval', 'Score stored predictions, without a network.')
    add_kinds(parser, 'what', _KINDS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``posenas eval``; returns its exit code.

    Raises:
        ConfigError: An option is out of its range.
        DataError: A file cannot be read or is malformed.
    """
    args = build_parser().parse_args(argv)
    check_paths(args, new_files=('out_metrics',))
    if 'out_dir' in args:
        require_with(args, 'out_dir', 'images')
        check_paths(args, folders=('images',), new_folders=('out_dir',))
    report = _REPORTS[args.what](args)
    if args.out_metrics:
        write_json(args.out_metrics, report, indent=1)
    return 0


def _report_precision(args: argparse.Namespace) -> dict:
    from posenas.apis import draw_results, find_errors, score_precision

    poses = _read(args, args.results)
    is_crowd = args.what == 'crowdpose'
    found = score_precision(poses, is_crowd, args.bootstrap, args.seed, _show_progress)
    _print_scores(args, found)
    report = found.to_dict()
    errors = find_errors(poses) if args.errors or args.out_dir else None
    if errors:
        _print_errors(errors)
        report['errors'] = dict(joints=errors.joints, gains=errors.gains)
    if args.out_dir:
        draw_results(poses, args.out_dir, errors, args.images, args.worst)
    return report


def _report_pck(args: argparse.Namespace) -> dict:
    from posenas.apis import draw_results, score_groups, score_pck

    poses = _read(args, args.results)
    resampling = args.bootstrap, args.seed, _show_progress
    found = score_pck(poses, args.thr, *resampling)
    report = _print_scores(args, found)
    groups = score_groups(poses, 0.1, *resampling) if args.groups else ()
    if groups:
        _print_groups(groups)
        report['groups'] = [asdict(group) for group in groups]
    if args.out_dir:
        given = dict(images=args.images, num_worst=args.worst, groups=groups)
        draw_results(poses, args.out_dir, **given)
    return report


def _report_mpii(args: argparse.Namespace) -> dict:
    from posenas.apis import score_mpii

    options = args.zero_based, args.bootstrap, args.seed, _show_progress
    return _print_scores(args, score_mpii(args.results, args.gt, *options))


def _report_posetrack(args: argparse.Namespace) -> dict:
    from posenas.apis import score_posetrack

    options = args.tracking, args.bootstrap, args.seed, _show_progress
    return _print_scores(args, score_posetrack(args.results, args.gt, *options))


def _report_comparison(args: argparse.Namespace) -> dict:
    from posenas.apis import compare_results

    both = [_read(args, results) for results in (args.results, args.other)]
    found = compare_results(*both, args.bootstrap, args.seed, _show_progress, args.thr)
    for name, path, poses in zip('AB', (args.results, args.other), both, strict=True):
        parts = '; '.join(poses.describe())
        print_lines(f'{name}: {len(poses.rows):,} results of {path}; {parts}')
    rows = [
        (
            name,
            f'{each.a:.4f}',
            f'{each.b:.4f}',
            f'{each.difference:+.4f}',
            f'{each.low:+.4f} .. {each.high:+.4f}',
            f'{each.p:.3g}',
        )
        for name, each in found.items()
    ]
    print_table(('score', 'A', 'B', 'B - A', '95 % interval', 'p'), rows)
    return {name: asdict(each) for name, each in found.items()}


def _read(args: argparse.Namespace, results: str) -> 'StoredPoses':
    from posenas.evaluation import read_stored_poses

    is_crowd = args.what == 'crowdpose'
    with speak_of_options({'use_area=False': '--no-area', "iou_type='keypoints'": 'eval coco'}):
        return read_stored_poses(
            args.gt,
            results,
            args.skeleton,
            args.sigmas,
            use_area=not (args.no_area or is_crowd),
            iou_type='keypoints_crowd' if is_crowd else 'keypoints',
        )


def _show_progress(numbers: range) -> Iterable[int]:
    return show_progress(numbers, 'resampling images')


def _print_scores(args: argparse.Namespace, found: 'ScoreReport') -> dict:
    """Print scores and, where known, those of each keypoint; returns them as plain data."""
    print_lines(f'{found.subject} of {args.results}', *found.notes)
    _print_values(found.scores, found.intervals)
    print_lines(*found.explanations)
    if found.joints:
        _print_joints(found.joints)
    return found.to_dict()


def _print_values(
    scores: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]
) -> None:
    """Print one line per score; those above 1 are percentages."""
    rows = []
    for name, value in scores.items():
        digits = 4 if abs(value) <= 1 else 2
        bounds = ' .. '.join(f'{bound:.{digits}f}' for bound in intervals.get(name, ()))
        rows.append((name, f'{value:.{digits}f}', *([bounds] if intervals else [])))
    print_table(('score', 'value', *(['95 % interval'] if intervals else [])), rows)


def _print_joints(columns: Mapping[str, Mapping[str, float]]) -> None:
    """Print one line per keypoint."""
    names = next(iter(columns.values()))
    rows = [(name, *(f'{column[name]:.4f}' for column in columns.values())) for name in names]
    print_table(('keypoint', *columns), rows)


def _print_groups(groups: Sequence['GroupScore']) -> None:
    """Print one line per group of keypoints."""
    rows = [
        (
            group.kind,
            group.group,
            f'{group.number:,}',
            f'{group.share:.4f}',
            ' .. '.join(f'{bound:.4f}' for bound in group.interval),
        )
        for group in groups
    ]
    columns = ('by', 'keypoints', 'number', 'PCK@0.1', '95 % interval')
    print_table(columns, rows, left=('by', 'keypoints'))


def _print_errors(errors: 'ErrorReport') -> None:
    """Print how many keypoints of each kind there are, and what AP would gain without each."""
    _print_joints(errors.joints)
    print_lines('AP gained if all errors of one kind were corrected')
    _print_values(errors.gains, {})


_REPORTS = {
    'coco': _report_precision,
    'crowdpose': _report_precision,
    'pck': _report_pck,
    'mpii': _report_mpii,
    'posetrack': _report_posetrack,
    'compare': _report_comparison,
}
