"""Scores of stored predictions, with intervals, differences and kinds of errors."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posenas.apis.grouping import GroupScore
from posenas.apis.intervals import LEVEL, Floats, Track, find_intervals
from posenas.datasets.transforms.loading import decode_image, read_bytes
from posenas.evaluation import explain_scores
from posenas.evaluation.functional import (
    ERROR_KINDS,
    classify_errors,
    collect_detections,
    confidence_intervals,
    correct_errors,
    count_tracks,
    evaluate_keypoints,
    joint_accuracies,
    joint_precision,
    paired_p_values,
    pckh,
    pckh_mean,
    precision_and_recall,
    rank_matches,
    resample,
    track_scores,
)
from posenas.evaluation.posetrack import (
    describe_strangers,
    pair_frames,
    read_video_results,
    read_videos,
    summarise,
)
from posenas.evaluation.stored import (
    PRECISIONS,
    StoredPoses,
    match_persons,
    pck_score,
    precision_score,
    read_mpii_distances,
)
from posenas.skeletons import POSETRACK17
from posenas.utils import ConfigError
from posenas.visualization import (
    Case,
    draw_error_chart,
    draw_gallery,
    draw_group_chart,
    draw_pck_curves,
    write_picture,
)

#: Largest distance of the curves, in units of the box.
_CURVE_LIMIT = 0.3
#: Limits of PCKh, in units of the head box.
_PCKH_LIMITS = {'PCKh': 0.5, 'PCKh@0.1': 0.1, 'PCKh@0.11': 0.11}


@dataclass(frozen=True)
class ScoreReport:
    """Scores of stored predictions.

    Attributes:
        subject: What was scored, such as '104,125 results'.
        scores: By name; those above 1 are percentages.
        intervals: 95 % interval by score; empty where none was asked for.
        joints: Score -> keypoint -> value; empty where scores are of whole people.
        notes: How many people were scored, and what does not count, in sentences.
    """

    subject: str
    scores: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    joints: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def explanations(self) -> list[str]:
        """Explain scores that would surprise; see :func:`posenas.evaluation.explain_scores`."""
        return explain_scores(self.scores)

    def to_dict(self) -> dict[str, Any]:
        """Return scores and intervals, and those of keypoints if there are any, as plain data."""
        data = asdict(self)
        kept = ('scores', 'intervals', *(['joints'] if self.joints else []))
        return {name: data[name] for name in kept}


@dataclass(frozen=True)
class ErrorReport:
    """Kinds of errors of stored predictions.

    Attributes:
        counts: Keypoints of each kind (K, kinds), in the order of ``ERROR_KINDS``.
        joints: Kind -> keypoint -> its share of the joint's cases.
        gains: Kind -> what AP would gain if all errors of it were corrected.
    """

    counts: NDArray[np.int64]
    joints: Mapping[str, Mapping[str, float]]
    gains: Mapping[str, float]


@dataclass(frozen=True)
class ScoreDifference:
    """A score of two result files on the same images.

    Attributes:
        a: Score of the first one.
        b: Score of the second one.
        difference: ``b - a``.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: Its p-value, two-sided.
    """

    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float


def score_precision(
    poses: StoredPoses,
    is_crowd: bool = False,
    num_samples: int = 0,
    seed: int = 0,
    track: Track = iter,
) -> ScoreReport:
    """Measure average precision and recall.

    Args:
        poses: Result of :func:`posenas.evaluation.read_stored_poses`.
        is_crowd: Whether they are CrowdPose's, by crowding.
        num_samples: Resamplings of the images for intervals; 0 makes none.
        seed: Seed of the resampling.
        track: See :data:`Track`.
    """
    iou_type = 'keypoints_crowd' if is_crowd else 'keypoints'
    scores = evaluate_keypoints(poses.truth, poses.rows, poses.skeleton.sigmas, iou_type)
    score, count = precision_score(poses), len(poses.table.image_ids)
    intervals = find_intervals(score, PRECISIONS, count, num_samples, seed, track)
    subject = f'{len(poses.rows):,} results'
    return ScoreReport(subject, scores, intervals, notes=poses.describe())


def score_pck(
    poses: StoredPoses,
    thresholds: Sequence[float] = (0.05, 0.1, 0.2),
    num_samples: int = 0,
    seed: int = 0,
    track: Track = iter,
) -> ScoreReport:
    """Measure the share of keypoints near the truth.

    Args:
        poses: As in :func:`score_precision`.
        thresholds: Distances, relative to the longer side of the box.
        num_samples: As in :func:`score_precision`.
        seed: Likewise.
        track: Likewise.
    """
    score, distances = pck_score(poses, thresholds)
    names = _name_thresholds(thresholds)
    scores = dict(zip(names, map(float, score(None)), strict=True))
    count = len(poses.table.image_ids)
    intervals = find_intervals(score, names, count, num_samples, seed, track)
    columns = [joint_accuracies(distances, limit) for limit in thresholds]
    joints = _name_joints(poses.skeleton.joint_names, names, columns)
    subject = f'{len(poses.rows):,} results'
    return ScoreReport(subject, scores, intervals, joints, poses.describe())


def _name_thresholds(thresholds: Sequence[float]) -> list[str]:
    return [f'PCK@{limit:g}' for limit in thresholds]


def score_mpii(
    results: str | Path,
    truth: str | Path,
    zero_based: bool = False,
    num_samples: int = 0,
    seed: int = 0,
    track: Track = iter,
) -> ScoreReport:
    """Measure PCKh with the head boxes of MPII.

    Args:
        results: ``preds`` (N, 16, 2) in a .mat or .npz file.
        truth: The file ``mpii_gt_val.mat``.
        zero_based: Whether pixels are counted from 0, not from 1 as in MPII.
        num_samples: Resamplings of the people for intervals; 0 makes none.
        seed: As in :func:`score_precision`.
        track: Likewise.

    Raises:
        DataError: A file cannot be read.
    """
    distances = read_mpii_distances(results, truth, zero_based)
    scores = pckh(distances, 0.5)
    del scores['Mean']
    scores |= {name: pckh_mean(distances, limit) for name, limit in _PCKH_LIMITS.items()}

    def score(weights: Floats) -> Floats:
        repeated = np.repeat(distances, weights.astype(int), axis=0)
        return np.array([pckh_mean(repeated, limit) for limit in _PCKH_LIMITS.values()])

    names, count = list(_PCKH_LIMITS), len(distances)
    intervals = find_intervals(score, names, count, num_samples, seed, track)
    return ScoreReport(f'{count:,} people', scores, intervals)


def score_posetrack(
    results: str | Path,
    truth: str | Path,
    with_tracking: bool = False,
    num_samples: int = 0,
    seed: int = 0,
    track: Track = iter,
) -> ScoreReport:
    """Measure what the official tool of PoseTrack 2018 does: precision, and tracking.

    Intervals come from whole videos drawn with replacement: frames of one video are much alike.

    Args:
        results: Folder of official files, one .json per video.
        truth: Folder of official files, or one merged file.
        with_tracking: Whether MOTA and MOTP are measured; needs ``track_id`` in all files.
        num_samples: Resamplings of the videos for intervals; 0 makes none.
        seed: As in :func:`score_precision`.
        track: Likewise.

    Raises:
        DataError: A file cannot be read.
    """
    videos = read_videos(truth, with_tracking)
    frames = pair_frames(videos, read_video_results(results, videos, with_tracking))
    detections = collect_detections(frames, len(videos))
    counts = count_tracks(frames, len(videos)) if with_tracking else None
    scores = summarise(detections, counts)

    def score(weights: Floats) -> Floats:
        return np.array(list(summarise(detections, counts, weights).values()))

    intervals = find_intervals(score, list(scores), len(videos), num_samples, seed, track)
    columns = dict(zip(('AP', 'Precision', 'Recall'), joint_precision(detections), strict=True))
    if counts is not None:
        columns |= track_scores(counts)
    joints = _name_joints(POSETRACK17.joint_names, list(columns), list(columns.values()))
    subject = f'{len(frames):,} frames of {len(videos):,} videos'
    return ScoreReport(subject, scores, intervals, joints, describe_strangers(results, videos))


def compare_results(
    first: StoredPoses,
    second: StoredPoses,
    num_samples: int = 1000,
    seed: int = 0,
    track: Track = iter,
    thresholds: Sequence[float] = (),
) -> dict[str, ScoreDifference]:
    """Measure how average precision, recall and PCK of two result files differ, and how surely.

    Args:
        first: Results on some images, as in :func:`score_precision`.
        second: Others on the same images.
        num_samples: Resamplings of the images, the same for both.
        seed: As in :func:`score_precision`.
        track: Likewise.
        thresholds: Distances of PCK, relative to the longer side of the box.

    Raises:
        ConfigError: There are no resamplings.
    """
    if num_samples < 1:
        raise ConfigError(f'a comparison needs at least 1 resampling, got {num_samples}')
    both = (first, second)
    precisions = [precision_score(poses) for poses in both]
    accuracies = [pck_score(poses, thresholds)[0] for poses in both] if thresholds else []

    def score_both(weights: Floats | None) -> Floats:  # (2, S)
        parts = [
            np.stack([score(weights) for score in scores])
            for scores in (precisions, accuracies)
            if scores
        ]
        return np.concatenate(parts, axis=1)

    values = score_both(None)

    samples = resample(score_both, len(first.table.image_ids), num_samples, seed, track)
    differences = samples[:, 1] - samples[:, 0]
    changes = confidence_intervals(values[1] - values[0], differences, LEVEL)
    p_values = paired_p_values(differences)
    found = {}
    names = [*PRECISIONS, *_name_thresholds(thresholds)]
    for name, pair, change, p in zip(names, values.T, changes, p_values, strict=True):
        figures = (*pair, change.value, change.low, change.high, p)
        found[name] = ScoreDifference(*map(float, figures))
    return found


def find_errors(poses: StoredPoses) -> ErrorReport:
    """Tell jitter, inversion, swap and miss apart, and say what AP would gain without each.

    Args:
        poses: As in :func:`score_precision`.
    """
    flips = np.array(poses.skeleton.flip_indices)
    errors = classify_errors(poses.table, poses.sigmas, flips)
    counts = errors.count()  # (K, kinds)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    before = precision_and_recall(rank_matches(poses.table, poses.sigmas))[0].mean()
    gains = {}
    for kind in ERROR_KINDS[1:]:
        corrected = rank_matches(correct_errors(poses.table, errors, kind), poses.sigmas)
        gains[kind] = float(precision_and_recall(corrected)[0].mean() - before)
    return ErrorReport(
        counts, _name_joints(poses.skeleton.joint_names, ERROR_KINDS, list(shares.T)), gains
    )


def draw_results(
    poses: StoredPoses,
    out_dir: str | Path,
    errors: ErrorReport | None = None,
    images: str | Path | None = None,
    num_worst: int = 16,
    groups: Sequence[GroupScore] = (),
) -> list[Path]:
    """Draw the curves of the keypoints, kinds of errors, groups and the worst cases.

    Args:
        poses: As in :func:`score_precision`.
        out_dir: Folder of the pictures.
        errors: Result of :func:`find_errors`; None draws none.
        images: Folder of the images; None draws no cases.
        num_worst: People of the picture of cases.
        groups: Result of :func:`score_groups`.

    Returns:
        The pictures.

    Raises:
        DataError: An image cannot be read.
    """
    names, paths = poses.skeleton.joint_names, []
    if errors is not None:
        paths.append(Path(out_dir, 'errors.png'))
        draw_error_chart(paths[-1], errors.counts, ERROR_KINDS, names, dict(errors.gains))
    _, distances = pck_score(poses, ())
    paths.append(Path(out_dir, 'pck_curves.png'))
    draw_pck_curves(paths[-1], distances, names, _CURVE_LIMIT, 'longer side of the box')
    if groups:
        paths.append(Path(out_dir, 'groups.png'))
        draw_group_chart(paths[-1], groups)
    if images and num_worst:
        paths.append(Path(out_dir, 'worst.jpg'))
        _draw_worst(paths[-1], Path(images), num_worst, poses)
    return paths


def _name_joints(
    joint_names: Sequence[str], columns: Sequence[str], values: Sequence[NDArray[np.floating]]
) -> dict[str, dict[str, float]]:
    """Return values (K,) of each column by column and keypoint."""
    return {
        column: dict(zip(joint_names, map(float, row), strict=True))
        for column, row in zip(columns, values, strict=True)
    }


def _draw_worst(path: Path, images: Path, number: int, poses: StoredPoses) -> None:
    """Draw the people whose results are least similar to them."""
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
    write_picture(path, draw_gallery(cases, poses.skeleton))
