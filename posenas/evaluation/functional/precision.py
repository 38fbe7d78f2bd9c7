"""Average precision from matches, also where images count several times or not at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional.matching import OKS_THRESHOLDS, PoseTable, match_poses

Floats = NDArray[np.float64]

#: Recalls at which precision is read.
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class RankedMatches:
    """Results of all images, best first, with what each of them found.

    Attributes:
        group: (D,) group of each result.
        true: (T, D) whether it found a person that counts.
        false: (T, D) whether it found none; neither for ignored results.
        persons: (I,) people that count in each group.
    """

    group: NDArray[np.int64]
    true: NDArray[np.bool_]
    false: NDArray[np.bool_]
    persons: NDArray[np.int64]


def rank_matches(
    table: PoseTable, sigmas: Floats, thresholds: Floats = OKS_THRESHOLDS
) -> RankedMatches:
    """Match results with people and order them by score.

    Args:
        table: People and results.
        sigmas: (K,) standard deviations of the keypoints.
        thresholds: (T,) least OKS of a match.
    """
    matches, ignored = match_poses(table, sigmas, thresholds)
    order = np.argsort(-table.scores, kind='stable')
    found = (matches >= 0)[:, order]
    counts = ~ignored[:, order]
    persons = np.bincount(table.truth_group[table.counted], minlength=len(table.image_ids))
    return RankedMatches(table.group[order], found & counts, ~found & counts, persons)


def precision_and_recall(
    ranked: RankedMatches, weights: Floats | None = None
) -> tuple[Floats, Floats]:
    """Compute average precision and recall at each threshold.

    Args:
        ranked: Results and what they found.
        weights: (I,) how often each group counts; None is once.

    Returns:
        Average precision (T,) and recall (T,); NaN where no person counts.
    """
    if weights is None:
        weights = np.ones(len(ranked.persons))
    total = float(weights @ ranked.persons)
    num_levels = len(ranked.true)
    if total == 0:
        return np.full(num_levels, np.nan), np.full(num_levels, np.nan)
    weight = weights[ranked.group]
    true = np.cumsum(ranked.true * weight, axis=1)  # (T, D)
    false = np.cumsum(ranked.false * weight, axis=1)
    recall = true / total
    precision = true / (true + false + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    average = np.zeros(num_levels)
    for level in range(num_levels):
        places = np.searchsorted(recall[level], _RECALLS, side='left')
        reached = places < recall.shape[1]
        average[level] = envelope[level, places[reached]].sum() / len(_RECALLS)
    last = recall[:, -1] if recall.shape[1] else np.zeros(num_levels)
    return average, last
