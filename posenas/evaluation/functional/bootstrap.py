"""How certain a score is: resampling the images it was measured on, and the trainings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from posenas.utils.randomness import Stream, make_generator

Floats = NDArray[np.float64]
#: Scores (S,) of the images, each counted as often as its weight (I,) says.
Statistic = Callable[[Floats], Floats]
#: Scores (S,) from the weights of each level, such as those of people and those of trainings.
LevelStatistic = Callable[..., Floats]


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

    All people and results of an image stay together, since they are not independent. Two networks
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
    return resample_levels(statistic, [(num_images, num_images)], num_samples, seed, track)


def resample_levels(
    statistic: LevelStatistic,
    levels: Sequence[tuple[int, int]],
    num_samples: int,
    seed: int = 0,
    track: Callable[[range], Iterable[int]] = iter,
) -> Floats:
    """Score samples in which several things are drawn at once, each with replacement.

    Trainings repeated with S seeds and scored on the same G people have two levels: people
    ``(G, G)`` and trainings ``(S, S - 1)``. Drawing one less than there are gives their mean the
    variance it has; drawing all S would make it too small by 1 / S, a third for three seeds (Rao
    and Wu, Resampling inference with complex survey data, JASA 1988).

    Args:
        statistic: Called with one vector of weights for each level.
        levels: How many there are and how many are drawn, for each level.
        num_samples: N, samples.
        seed: Seed; sample n draws from (seed, n), level after level.
        track: Passes the numbers of the samples on, such as a progress bar.

    Returns:
        (N, S) scores.
    """
    if num_samples < 1 or min(min(level) for level in levels) < 1:
        raise ValueError(
            f'num_samples and all numbers of levels must be at least 1, got {num_samples} and '
            f'{list(levels)}'
        )
    scores = []
    for sample in track(range(num_samples)):
        rng = make_generator(Stream.RESAMPLING, seed, sample)
        drawn = [(rng.integers(0, count, draws), count) for count, draws in levels]
        weights = [np.bincount(places, minlength=n).astype(np.float64) for places, n in drawn]
        scores.append(statistic(*weights))
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


def detectable_difference(samples: Floats, level: float = 0.95, power: float = 0.8) -> Floats:
    """Tell which true difference a design finds with some certainty.

    Args:
        samples: (N, S) differences of resampled people and trainings.
        level: Certainty of the two-sided test that would find it.
        power: Probability to find it.

    Returns:
        (S,) smallest such differences, from the spread of the samples taken as normal.
    """
    quantile = NormalDist().inv_cdf
    factor = quantile(0.5 + level / 2) + quantile(power)
    detectable: Floats = factor * samples.std(axis=0, ddof=1)
    return detectable
