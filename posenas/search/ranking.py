"""How well cheap scores order architectures, as their trained networks do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posenas.search.archive import Record, read_archive, read_objectives
from posenas.utils import ConfigError
from posenas.utils.randomness import Stream, make_generator

Floats = NDArray[np.float64]
#: Networks below which an order says nothing.
_LEAST = 3
#: Pairs of networks that are compared at once, for the memory that they take.
_MOST_PAIRS = 2**22


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


@dataclass(frozen=True)
class RankedGroup:
    """How two figures order the same networks.

    Attributes:
        networks: Which ones: 'all', or those of nearly equal cost.
        figure: What orders them, the cheap score or a cost.
        ranking: Its agreement with the order of the trained networks.
    """

    networks: str
    figure: str
    ranking: Ranking


@dataclass(frozen=True)
class SearchRanking:
    """How well cheap scores, and a cost alone, order architectures that were trained too.

    Attributes:
        score: The cheap score.
        truth: Score of the trained networks.
        groups: All networks by score and by cost, then, if there are enough, those of nearly equal
            cost likewise.
        left_out: Evaluations that are not compared, counted by reason.
    """

    score: str
    truth: str
    groups: tuple[RankedGroup, ...]
    left_out: Mapping[str, int]


def rank_searches(
    cheap: Sequence[str | Path],
    trained: Sequence[str | Path],
    score: str | None = None,
    truth: str | None = None,
    cost: str = 'macs',
    band: float = 0.05,
) -> SearchRanking:
    """Compare searches of the same architectures, evaluated with shared weights and by training.

    Args:
        cheap: Work dirs, or archives, of the searches with cheap scores.
        trained: Those of the searches that trained.
        score: Cheap score; None takes the first objective of the first search.
        truth: Score of trained networks, likewise.
        cost: Cost whose order is compared beside.
        band: Costs count as nearly equal within this share.

    Raises:
        ConfigError: There are too few architectures, or they lack a figure.
        DataError: An archive is missing or damaged.
    """
    score, first = read_all(cheap, score)
    truth, second = read_all(trained, truth)
    pairs = pair_records(first, second)
    values = [record.value(score) for record, _ in pairs]
    wanted = [record.value(truth) for _, record in pairs]
    costs = [record.value(cost) for _, record in pairs]
    near = find_band(costs, band)
    groups = {'all': list(range(len(pairs)))}
    if _LEAST <= len(near) < len(pairs):
        groups[f'{cost} within {100 * band:g} %'] = near
    figures = {f'{score}, shared weights': values, cost: costs}
    return SearchRanking(
        score,
        truth,
        tuple(
            RankedGroup(name, figure, rank([of_all[i] for i in rows], [wanted[i] for i in rows]))
            for name, rows in groups.items()
            for figure, of_all in figures.items()
        ),
        _count_left_out(first, second, pairs),
    )


def read_all(paths: Sequence[str | Path], key: str | None) -> tuple[str, list[Record]]:
    """Read archives of searches.

    Args:
        paths: Work dirs of searches, or archives.
        key: Score; None takes the first objective of the first search.

    Returns:
        Name of the score, and all records.

    Raises:
        ConfigError: There are no archives.
        DataError: An archive is missing or damaged.
    """
    records: list[Record] = []
    for path in paths:
        header, found = read_archive(path)
        key = key or next(iter(read_objectives(path, header)))
        records += found
    if key is None:
        raise ConfigError('archives of searches must be given, got none')
    return key, records


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
    rows = max(1, _MOST_PAIRS // len(a) ** 2)
    parts = [chosen[start : start + rows] for start in range(0, num_samples, rows)]
    taus = np.concatenate([_tau(a[part], b[part]) for part in parts])
    low, high = np.nanpercentile(taus, [2.5, 97.5])
    return Ranking(len(a), float(_tau(a[None], b[None])[0]), float(low), float(high))


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


def _count_left_out(
    cheap: Sequence[Record], trained: Sequence[Record], pairs: Sequence[tuple[Record, Record]]
) -> dict[str, int]:
    """Count by reason what :func:`pair_records` leaves out."""
    paired = {record.id for record, _ in pairs}
    counts = {}
    for name, records in (('with cheap scores', cheap), ('trained', trained)):
        good = [record.id for record in records if record.status == 'ok']
        counts[f'{name} that failed'] = len(records) - len(good)
        counts[f'{name} again'] = len(good) - len({*good})
        counts[f'{name} alone'] = len({*good} - paired)
    return counts


def pair_records(cheap: Sequence[Record], trained: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Bring together the first records of each architecture, in the order of ``trained``."""
    known, wanted = _find_first(cheap), _find_first(trained)
    return [(known[name], record) for name, record in wanted.items() if name in known]


def _find_first(records: Sequence[Record]) -> dict[str, Record]:
    """Find the first evaluation of each architecture that did not fail."""
    found: dict[str, Record] = {}
    for record in records:
        if record.status == 'ok':
            found.setdefault(record.id, record)
    return found
