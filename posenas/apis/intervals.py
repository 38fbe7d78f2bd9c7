"""Intervals of scores by resampling images."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional import confidence_intervals, resample

#: Share of the samples inside the intervals.
LEVEL = 0.95

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
#: Wraps the numbers of the resamplings to show where they are.
Track = Callable[[range], Iterable[int]]


def find_intervals(
    score: Statistic,
    names: Sequence[str],
    count: int,
    num_samples: int,
    seed: int,
    track: Track,
) -> dict[str, tuple[float, float]]:
    """Return the intervals of scores by name; ``count`` is the number of what is drawn."""
    if not num_samples:
        return {}
    samples = resample(score, count, num_samples, seed, track)
    found = confidence_intervals(score(np.ones(count)), samples, LEVEL)
    return {name: (each.low, each.high) for name, each in zip(names, found, strict=True)}
