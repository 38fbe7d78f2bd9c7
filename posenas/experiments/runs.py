"""Trainings that were repeated with several seeds, and differences between two of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posenas.annotations import list_videos
from posenas.evaluation.functional import (
    confidence_intervals,
    detectable_difference,
    mean_accuracy,
    resample_levels,
)
from posenas.evaluation.stored import pck_score, read_stored_poses
from posenas.utils import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """What one training has more than another, in points of PCK.

    Attributes:
        value: Mean over the seeds of the one minus that of the other.
        low: Lower end of the 95 % interval.
        high: Upper end.
        detectable: Smallest true difference that this design finds in four of five cases.
        num_seeds: Seeds of the baseline, or of both, and of the candidate; where there is one, the
            interval knows nothing of how seeds differ.
    """

    value: float
    low: float
    high: float
    detectable: float
    num_seeds: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TestedPeople:
    """How well a training found G people with K keypoints.

    Attributes:
        distances: Distances (G, K) in units of the longer side of the label box, NaN where a
            keypoint is not labelled and infinite where nobody was found.
        units: What is drawn as a whole when people are resampled (G,), 0 to U - 1: the people of a
            video are much alike; those of single images stand for themselves.
    """

    distances: Floats
    units: NDArray[np.int64]


def read_tested(annotations: str | Path, results: str | Path) -> TestedPeople:
    """Measure predictions.

    Args:
        annotations: COCO keypoint file with G people.
        results: List of ``{image_id, category_id, keypoints, score}``.

    Raises:
        DataError: A file cannot be read or is malformed.
    """
    poses = read_stored_poses(annotations, results)
    distances = pck_score(poses, ())[1]
    images, videos = poses.truth['images'], list_videos(poses.truth['images'])
    if videos is None:
        return TestedPeople(distances, np.arange(len(distances)))
    video_of = dict(zip((image['id'] for image in images), videos, strict=True))
    owners = [video_of[poses.table.image_ids[group]] for group in poses.table.truth_group]
    return TestedPeople(distances, np.unique(owners, return_inverse=True)[1])


def score_runs(runs: Sequence[Floats], threshold: float = 0.1) -> Floats:
    """Compute PCK of trainings, in percent, each the mean over keypoint types.

    Args:
        runs: Distances (G, K) of each training.
        threshold: Largest distance of a correct keypoint.

    Returns:
        (S,), one value for each training.
    """
    return np.array([100 * mean_accuracy(distances, threshold) for distances in runs])


def compare_runs(
    baseline: Sequence[Floats],
    candidate: Sequence[Floats],
    threshold: float = 0.1,
    num_samples: int = 2000,
    seed: int = 0,
    between: tuple[Sequence[Floats], float] | None = None,
    units: NDArray[np.int64] | None = None,
) -> Difference:
    """Ask how much PCK the candidate gains, for other people and other seeds.

    People, or videos with all their people, are drawn once for all trainings, since all are
    scored on the same ones; the seeds of baselines and candidate are drawn apart.

    Args:
        baseline: Distances (G, K) of each of its S trainings.
        candidate: Likewise, of the same people; S may differ.
        threshold: Largest distance of a correct keypoint.
        num_samples: Resamplings.
        seed: Of the resampling.
        between: Trainings of a second baseline and its share s, 0 to 1: the candidate is compared
            with (1 - s) times the score of the first baseline plus s times that of the second.
        units: What is drawn as a whole (G,), see :class:`TestedPeople`; None draws each person.

    Raises:
        DataError: They were not scored on the same labels, or one has no training.
    """
    other, share = between or ([], 0.0)
    groups = [baseline, other, candidate] if between else [baseline, candidate]
    factors = [share - 1, -share, 1.0] if between else [-1.0, 1.0]
    _check_labels([runs for group in groups for runs in group], min(map(len, groups)))
    labelled = ~np.isnan(baseline[0])
    hits = [np.stack(runs) <= threshold for runs in groups]  # (S, G, K)

    units = np.arange(len(labelled)) if units is None else units
    num_units = int(units.max(initial=-1)) + 1

    def gain(drawn: Floats, *seeds: Floats) -> Floats:
        persons = drawn[units]
        total = persons @ labelled  # (K,)
        present = total > 0
        scores = [
            np.average((persons @ hit)[:, present] / total[present], axis=0, weights=weights).mean()
            for hit, weights in zip(hits, seeds, strict=True)
        ]
        return np.array([100 * np.dot(factors, scores)])

    sizes = tuple(map(len, groups))
    value = gain(np.ones(num_units), *map(np.ones, sizes))
    levels = [(num_units, num_units), *((size, max(size - 1, 1)) for size in sizes)]
    samples = resample_levels(gain, levels, num_samples, seed)
    (interval,) = confidence_intervals(value, samples)
    detectable = float(detectable_difference(samples)[0])
    return Difference(interval.value, interval.low, interval.high, detectable, sizes)


def _check_labels(runs: Sequence[Floats], fewest: int) -> None:
    """Require at least one training on either side and the same labels for all."""
    if fewest < 1:
        raise DataError('a comparison needs a finished training on either side, got none of one')
    labelled = [~np.isnan(distances) for distances in runs]
    if not all(np.array_equal(labels, labelled[0]) for labels in labelled):
        raise DataError(
            'trainings that are compared must be scored on the same labels, got distances of '
            f'shapes {sorted({labels.shape for labels in labelled})} with different labels: give '
            'their configs the same test set'
        )
