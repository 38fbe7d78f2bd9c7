"""How certain a score is: resampling the images it was measured on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ['Interval', 'confidence_intervals', 'paired_p_values', 'resample']

Floats = NDArray[np.float64]
#: Scores (S,) of the images, each counted as often as its weight (I,) says.
Statistic = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Interval:
    """A score and where it would lie for other images of the same kind.

    Attributes:
        value: Score on the images as they are.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def resample(
    statistic: Statistic,
    num_images: int,
    num_samples: int,
    seed: int = 0,
    track: Callable[[range], Iterable[int]] = iter,
) -> Floats:
    """Score samples of the images, drawn with replacement.

    All persons and results of an image stay together, since they are not independent. Two networks
    scored with one seed see the same samples, so their differences can be compared.

    Args:
        statistic: Called with the weights of the images.
        num_images: I, images to draw from and to draw.
        num_samples: N, samples.
        seed: Seed; sample n draws from (seed, n).
        track: Passes the numbers of the samples on, such as a progress bar.

    Returns:
        (N, S) scores.
    """
    if num_samples < 1 or num_images < 1:
        raise ValueError(
            f'num_samples and num_images must be at least 1, got {num_samples} and {num_images}'
        )
    scores = []
    for sample in track(range(num_samples)):
        drawn = np.random.default_rng([seed, sample]).integers(0, num_images, num_images)
        scores.append(statistic(np.bincount(drawn, minlength=num_images).astype(np.float64)))
    return np.stack(scores)


def confidence_intervals(values: Floats, samples: Floats, level: float = 0.95) -> list[Interval]:
    """Cut the tails off the scores of resampled images.

    Args:
        values: (S,) scores on the images as they are.
        samples: (N, S) scores of resampled images; samples where one is NaN do not count for it.
        level: Share of the samples inside the interval.

    Returns:
        One interval for each of the S scores.
    """
    if not 0 < level < 1:
        raise ValueError(f'level must lie between 0 and 1, got {level}')
    tail = 50 * (1 - level)
    low, high = np.nanpercentile(samples, [tail, 100 - tail], axis=0)
    return [Interval(*map(float, bounds)) for bounds in zip(values, low, high, strict=True)]


def paired_p_values(differences: Floats) -> Floats:
    """Ask how often resampling turns a difference around.

    Args:
        differences: (N, S) score of one network minus that of another on the same samples.

    Returns:
        (S,) two-sided probabilities, at least 2 / (N + 1), that no difference lies behind them.
    """
    num = len(differences)
    below = (differences <= 0).sum(0)
    above = (differences >= 0).sum(0)
    p_values: Floats = np.minimum(2 * (np.minimum(below, above) + 1) / (num + 1), 1.0)
    return p_values
