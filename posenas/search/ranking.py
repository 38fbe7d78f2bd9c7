"""How well cheap scores order architectures, as their trained networks do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from posenas.search.archive import Record
from posenas.utils import ConfigError
from posenas.utils.randomness import Stream, make_generator

__all__ = ['Ranking', 'find_band', 'pair_records', 'rank']

Floats = NDArray[np.float64]
#: Networks below which an order says nothing.
_LEAST = 3


@dataclass(frozen=True)
class Ranking:
    """Agreement of two orders of the same networks.

    Attributes:
        count: Networks.
        tau: Kendall's tau-b, from -1 (the other way round) to 1 (the same).
        low: Lower end of its 95 % interval over networks.
        high: Upper end.
    """

    count: int
    tau: float
    low: float
    high: float


def rank(first: Sequence[float], second: Sequence[float], num_samples: int = 2000) -> Ranking:
    """Compare two orders; Kendall, A New Measure of Rank Correlation, Biometrika 1938.

    The interval is that of networks drawn with replacement; draws in which one of the orders is
    all ties count for nothing.

    Args:
        first: A figure of each network.
        second: Another one, likewise.
        num_samples: Resamplings.

    Raises:
        ConfigError: There are fewer than three networks.
    """
    a, b = np.asarray(first, float), np.asarray(second, float)
    if not len(a) == len(b) >= _LEAST:
        raise ConfigError(
            f'orders must be of the same {_LEAST} networks or more, got {len(a)} and {len(b)}'
        )
    chosen = make_generator(Stream.RANKING, 0).integers(len(a), size=(num_samples, len(a)))
    taus = _tau(a[chosen], b[chosen])
    low, high = np.nanpercentile(taus, [2.5, 97.5])
    return Ranking(len(a), float(kendalltau(a, b).statistic), float(low), float(high))


def _tau(first: Floats, second: Floats) -> Floats:
    """Return tau-b of each row of (S, N) arrays."""
    signs = [np.sign(x[:, :, None] - x[:, None, :]) for x in (first, second)]
    agree = (signs[0] * signs[1]).sum((1, 2))
    pairs = [np.abs(sign).sum((1, 2)) for sign in signs]
    with np.errstate(invalid='ignore'):
        taus: Floats = agree / np.sqrt(pairs[0] * pairs[1])
    return taus


def find_band(costs: Sequence[float], width: float) -> list[int]:
    """Find the largest group whose costs lie within ``width`` of each other.

    Args:
        costs: One of each network, > 0.
        width: Largest share by which the greatest exceeds the smallest.

    Returns:
        Places in ``costs``, ascending; of equally large groups the cheapest.
    """
    groups = [
        [i for i, cost in enumerate(costs) if least <= cost <= least * (1 + width)]
        for least in sorted(costs)
    ]
    return max(groups, key=len, default=[])


def pair_records(cheap: Sequence[Record], trained: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Bring together the records of each architecture, in the order of ``trained``."""
    known: Mapping[str, Record] = {record.id: record for record in cheap if record.status == 'ok'}
    good = [record for record in trained if record.status == 'ok']
    return [(known[record.id], record) for record in good if record.id in known]
