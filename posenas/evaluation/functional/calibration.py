"""Probabilities of two outcomes: fit them to features, and measure how far they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from posenas.codecs import VisibilityCalibrator
from posenas.evaluation.functional.bootstrap import (
    Interval,
    confidence_intervals,
    resample,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]

#: Strength that pulls the terms of single keypoints to 0, in units of one observation.
_SHRINKAGE = 2.0


@dataclass(frozen=True)
class Reliability:
    """How far probabilities can be trusted, with 95 % intervals over images.

    Attributes:
        predicted: Mean probability of each bin; bins hold as many observations each.
        observed: Share of outcomes that came, of each bin.
        counts: Observations of each bin.
        brier: Mean squared difference of probability and outcome.
        base_brier: The same of one probability for all, the share of outcomes.
        error: Mean absolute difference of predicted and observed share, weighted by observations.
        ranking: Chance that an observation with the outcome has the higher probability than one
            without (area under the curve).
    """

    predicted: tuple[float, ...]
    observed: tuple[Interval, ...]
    counts: tuple[int, ...]
    brier: Interval
    base_brier: Interval
    error: Interval
    ranking: Interval


def fit_visibility(
    features: Floats,
    joints: Integers,
    is_visible: NDArray[np.bool_],
    names: Sequence[str],
    flip_test: bool,
) -> VisibilityCalibrator:
    """Fit a calibrator by maximum likelihood, the terms of single keypoints shrunk.

    Args:
        features: Of M labelled keypoints (M, F), see :func:`posenas.codecs.read_features`.
        joints: Which keypoint each of them is (M,).
        is_visible: Whether it is (M,).
        names: Keypoints, K.
        flip_test: See :class:`posenas.codecs.VisibilityCalibrator`.

    Raises:
        ValueError: All keypoints are visible, or none is.
    """
    if not 0 < is_visible.mean() < 1:
        raise ValueError(
            f'some keypoints must be visible and some not, got {int(is_visible.sum())} visible of '
            f'{len(is_visible)}'
        )
    count, width = len(names), features.shape[1]
    means = features.mean(axis=0)
    deviations = np.maximum(features.std(axis=0), 1e-9)
    scaled = (features - means) / deviations
    start = np.zeros(1 + width + 2 * count)
    start[0] = np.log(is_visible.mean() / (1 - is_visible.mean()))

    def measure(terms: Floats) -> tuple[float, Floats]:
        slopes, own = terms[1 : 1 + width], terms[1 + width :].reshape(2, count)
        odds = terms[0] + scaled @ slopes + own[0, joints] + own[1, joints] * scaled[:, 0]
        loss = np.logaddexp(0, odds).sum() - odds[is_visible].sum()
        pull = 1 / (1 + np.exp(-odds)) - is_visible
        by_joint = [np.bincount(joints, p, count) for p in (pull, pull * scaled[:, 0])]
        shrunk = np.concatenate([[0.0], 1e-3 * slopes, _SHRINKAGE * own.ravel()])
        gradient = np.concatenate([[pull.sum()], scaled.T @ pull, *by_joint]) + shrunk
        return float(loss + 0.5 * terms @ shrunk), gradient

    terms = minimize(measure, start, jac=True, method='L-BFGS-B', options=dict(maxiter=1000)).x
    own = terms[1 + width :].reshape(2, count)
    return VisibilityCalibrator(
        tuple(names),
        flip_test,
        means=tuple(means.tolist()),
        deviations=tuple(deviations.tolist()),
        slopes=tuple(terms[1 : 1 + width].tolist()),
        intercepts=tuple((own[0] + terms[0]).tolist()),
        joint_slopes=tuple(own[1].tolist()),
    )


def measure_reliability(
    probabilities: NDArray[np.floating[Any]],
    outcomes: NDArray[np.bool_],
    images: Integers,
    num_bins: int = 10,
    num_samples: int = 1000,
) -> Reliability:
    """Compare probabilities with outcomes.

    Args:
        probabilities: Of M observations (M,).
        outcomes: Whether it came (M,).
        images: Image of each observation (M,), since those of one are not independent.
        num_bins: Bins of the diagram.
        num_samples: Samples of the images for the intervals.

    Raises:
        ValueError: All outcomes are the same.
    """
    if not 0 < outcomes.mean() < 1:
        raise ValueError(f'outcomes must differ, all {len(outcomes)} are {bool(outcomes[0])}')
    chances, came = np.asarray(probabilities, np.float64), outcomes.astype(np.float64)
    order = np.argsort(chances, kind='stable')
    bins = np.empty(len(chances), np.int64)
    bins[order] = np.arange(len(chances)) * num_bins // len(chances)
    groups = np.unique(images, return_inverse=True)[1]

    def score(weights: Floats) -> Floats:
        weight = weights[groups]
        total = weight.sum()
        sums = np.stack(
            [np.bincount(bins, w, num_bins) for w in (weight, weight * came, weight * chances)]
        )
        filled = np.maximum(sums[0], 1e-12)
        share = (weight * came).sum() / total
        gaps = np.abs(sums[1] - sums[2]).sum() / total
        brier = (weight * (chances - came) ** 2).sum() / total
        ranking = _rank(chances[order], came[order], weight[order])
        return np.concatenate([sums[1] / filled, [brier, share * (1 - share), gaps, ranking]])

    num_images = int(groups.max()) + 1
    values, samples = score(np.ones(num_images)), resample(score, num_images, num_samples)
    intervals = tuple(confidence_intervals(values, samples))
    counts = np.bincount(bins, minlength=num_bins)
    predicted = np.bincount(bins, chances, num_bins) / np.maximum(counts, 1)
    return Reliability(
        tuple(predicted.tolist()),
        intervals[:num_bins],
        tuple(counts.tolist()),
        *intervals[num_bins:],
    )


def _rank(chances: Floats, came: Floats, weight: Floats) -> float:
    """Return the area under the curve for observations in the order of their probabilities."""
    starts = np.flatnonzero(np.diff(chances, prepend=-1.0))
    good = np.add.reduceat(weight * came, starts)
    bad = np.add.reduceat(weight * (1 - came), starts)
    below = np.cumsum(bad) - 0.5 * bad  # equal probabilities count half
    pairs = float(good.sum() * bad.sum())
    return float(good @ below) / pairs if pairs else 0.5
