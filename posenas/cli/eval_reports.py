"""The reports of ``posenas eval``: tables, intervals, differences, kinds of errors."""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from rich.table import Table

from posenas.cli.tables import print_table
from posenas.evaluation.functional import (
    ERROR_KINDS,
    classify_errors,
    confidence_intervals,
    correct_errors,
    evaluate_keypoints,
    joint_accuracies,
    paired_p_values,
    pckh,
    pckh_mean,
    precision_and_recall,
    rank_matches,
    resample,
)
from posenas.evaluation.stored import (
    PRECISIONS,
    StoredPoses,
    match_persons,
    pck_score,
    precision_score,
    read_mpii_distances,
    read_stored_poses,
)
from posenas.utils.errors import ConfigError

__all__ = [
    'find_intervals',
    'print_joints',
    'print_scores',
    'report_comparison',
    'report_mpii',
    'report_pck',
    'report_precision',
]

#: Share of the samples inside the intervals.
_LEVEL = 0.95
#: Largest distance of the curves, in units of the box.
_CURVE_LIMIT = 0.3

Intervals = dict[str, tuple[float, float]]
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def report_precision(args: argparse.Namespace) -> dict:
    """Print average precision, its intervals and, where asked for, the kinds of errors."""
    poses = _read(args, args.results)
    iou_type = 'keypoints_crowd' if args.what == 'crowdpose' else 'keypoints'
    scores = evaluate_keypoints(poses.truth, poses.rows, poses.skeleton.sigmas, iou_type)
    intervals = find_intervals(args, precision_score(poses), PRECISIONS, len(poses.table.image_ids))
    print_scores(f'{len(poses.rows):,} results of {args.results}', scores, intervals)
    report = dict(scores=scores, intervals=intervals)
    if args.errors or args.out_dir:
        report['errors'] = _report_errors(args, poses)
    _draw_persons(args, poses)
    return report


def report_pck(args: argparse.Namespace) -> dict:
    """Print the share of joints within each distance, and its intervals."""
    poses = _read(args, args.results)
    score, distances = pck_score(poses, args.thr)
    names = [f'PCK@{limit:g}' for limit in args.thr]
    scores = dict(zip(names, map(float, score(None)), strict=True))
    intervals = find_intervals(args, score, names, len(poses.table.image_ids))
    print_scores(f'{len(poses.rows):,} results of {args.results}', scores, intervals)
    columns = [joint_accuracies(distances, limit) for limit in args.thr]
    joints = print_joints(poses.skeleton.joint_names, names, np.stack(columns, axis=1))
    _draw_persons(args, poses)
    return dict(scores=scores, intervals=intervals, joints=joints)


def report_mpii(args: argparse.Namespace) -> dict:
    """Print the published table of MPII, and intervals of its means."""
    distances = read_mpii_distances(args.results, args.gt, args.zero_based)
    scores = pckh(distances, 0.5)
    del scores['Mean']
    limits = {'PCKh': 0.5, 'PCKh@0.1': 0.1, 'PCKh@0.11': 0.11}
    scores |= {name: pckh_mean(distances, limit) for name, limit in limits.items()}

    def score(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        repeated = np.repeat(distances, weights.astype(int), axis=0)
        return np.array([pckh_mean(repeated, limit) for limit in limits.values()])

    intervals = find_intervals(args, score, list(limits), len(distances))
    print_scores(f'{len(distances):,} persons of {args.results}', scores, intervals)
    return dict(scores=scores, intervals=intervals)


def report_comparison(args: argparse.Namespace) -> dict:
    """Print the difference of two result files, its interval and its p-value."""
    if args.bootstrap < 1:
        raise ConfigError(f'compare needs --bootstrap of at least 1, got {args.bootstrap}')
    both = [_read(args, results) for results in (args.results, args.other)]
    scores = [precision_score(poses) for poses in both]
    values = np.stack([score(None) for score in scores])  # (2, S)
    samples = resample(
        lambda weights: np.stack([score(weights) for score in scores]),
        len(both[0].table.image_ids),
        args.bootstrap,
        args.seed,
        _show_progress,
    )  # (N, 2, S)
    differences = samples[:, 1] - samples[:, 0]
    intervals = confidence_intervals(values[1] - values[0], differences, _LEVEL)
    p_values = paired_p_values(differences)
    table = Table('score', 'A', 'B', 'B - A', '95 % interval', 'p')
    report = {}
    for name, (a, b), change, p in zip(PRECISIONS, values.T, intervals, p_values, strict=True):
        bounds = f'{change.low:+.4f} .. {change.high:+.4f}'
        table.add_row(name, f'{a:.4f}', f'{b:.4f}', f'{change.value:+.4f}', bounds, f'{p:.3g}')
        shown = dict(a=a, b=b, difference=change.value, low=change.low, high=change.high, p=p)
        report[name] = {key: float(value) for key, value in shown.items()}
    print_table(table)
    return report


def _read(args: argparse.Namespace, results: str) -> StoredPoses:
    is_crowd = args.what == 'crowdpose'
    return read_stored_poses(
        args.gt,
        results,
        args.skeleton,
        args.sigmas,
        use_area=not (args.no_area or is_crowd),
        iou_type='keypoints_crowd' if is_crowd else 'keypoints',
    )


def _show_progress(numbers: range) -> Iterable[int]:
    return track(numbers, 'resampling images', transient=True)


def find_intervals(
    args: argparse.Namespace, score: Statistic, names: Sequence[str], num_images: int
) -> Intervals:
    """Return the intervals of scores by name; none where none are asked for.

    Args:
        args: Options ``bootstrap`` and ``seed``.
        score: Scores from weights of the images, in the order of ``names``.
        names: Names of the scores.
        num_images: Number of images, or of whatever is drawn.
    """
    if not args.bootstrap:
        return {}
    samples = resample(score, num_images, args.bootstrap, args.seed, _show_progress)
    found = confidence_intervals(score(np.ones(num_images)), samples, _LEVEL)
    return {name: (each.low, each.high) for name, each in zip(names, found, strict=True)}


def print_scores(title: str, scores: Mapping[str, float], intervals: Intervals) -> None:
    """Print one line per score; those above 1 are percentages."""
    sys.stdout.write(f'{title}\n')
    table = Table('score', 'value')
    if intervals:
        table.add_column('95 % interval')
    for name, value in scores.items():
        digits = 4 if abs(value) <= 1 else 2
        bounds = ' .. '.join(f'{bound:.{digits}f}' for bound in intervals.get(name, ()))
        table.add_row(name, f'{value:.{digits}f}', *([bounds] if intervals else []))
    print_table(table)


def print_joints(
    joint_names: Sequence[str], columns: Sequence[str], values: NDArray[np.floating]
) -> dict[str, dict[str, float]]:
    """Print values (K, len(columns)), one line per joint; return them by column and joint."""
    table = Table('joint', *columns)
    for name, row in zip(joint_names, values, strict=True):
        table.add_row(name, *(f'{value:.4f}' for value in row))
    print_table(table)
    return {
        column: dict(zip(joint_names, map(float, values[:, i]), strict=True))
        for i, column in enumerate(columns)
    }


def _report_errors(args: argparse.Namespace, poses: StoredPoses) -> dict:
    """Print how many joints of each kind there are, and what AP would gain without each."""
    flips = np.array(poses.skeleton.flip_indices)
    errors = classify_errors(poses.table, poses.sigmas, flips)
    counts = errors.count()  # (K, kinds)
    names = poses.skeleton.joint_names
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    joints = print_joints(names, ERROR_KINDS, shares)
    gains = {}
    before = precision_and_recall(rank_matches(poses.table, poses.sigmas))[0].mean()
    for kind in ERROR_KINDS[1:]:
        corrected = rank_matches(correct_errors(poses.table, errors, kind), poses.sigmas)
        gains[kind] = float(precision_and_recall(corrected)[0].mean() - before)
    print_scores('AP gained if all errors of one kind were corrected', gains, {})
    if args.out_dir:
        from posenas.visualization import draw_error_chart

        draw_error_chart(Path(args.out_dir, 'errors.png'), counts, ERROR_KINDS, names, gains)
    return dict(joints=joints, gains=gains)


def _draw_persons(args: argparse.Namespace, poses: StoredPoses) -> None:
    """Draw the curves of the joints and the worst cases, where asked for."""
    if not args.out_dir:
        return
    from posenas.visualization import draw_pck_curves

    _, distances = pck_score(poses, ())
    path = Path(args.out_dir, 'pck_curves.png')
    unit = 'longer side of the box'
    draw_pck_curves(path, distances, poses.skeleton.joint_names, _CURVE_LIMIT, unit)
    if args.images and args.worst:
        _draw_worst(Path(args.out_dir, 'worst.jpg'), Path(args.images), args.worst, poses)


def _draw_worst(path: Path, images: Path, number: int, poses: StoredPoses) -> None:
    """Draw the persons whose results are least similar to them."""
    import cv2

    from posenas.datasets.transforms.loading import decode_image, read_bytes
    from posenas.utils.atomic_io import atomic_write
    from posenas.visualization import Case, draw_gallery

    table = poses.table
    rows, similarity = match_persons(poses)
    counted = np.flatnonzero(table.counted)
    worst = counted[np.argsort(similarity[counted], kind='stable')][:number]
    files = {image['id']: str(image.get('file_name', '')) for image in poses.truth['images']}
    cases = []
    for person in worst:
        image_id = table.image_ids[table.truth_group[person]]
        file = str(images / files[image_id])
        image = cv2.cvtColor(decode_image(file, read_bytes(file)), cv2.COLOR_BGR2RGB)
        found = table.results[rows[person]] if rows[person] >= 0 else None
        caption = f'image {image_id}, OKS {similarity[person]:.2f}'
        cases.append(Case(image, table.truth[person], found, caption))
    sheet = cv2.cvtColor(draw_gallery(cases, poses.skeleton), cv2.COLOR_RGB2BGR)
    with atomic_write(path) as file:
        file.write(cv2.imencode('.jpg', sheet)[1].tobytes())
