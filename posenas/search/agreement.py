"""How far searches that were repeated with other seeds agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np

from posenas.search.archive import Record, find_archive, read_archive
from posenas.search.overview import read_search
from posenas.search.space import Arch
from posenas.utils import ConfigError


@dataclass(frozen=True)
class Agreement:
    """Best architectures of repeated searches.

    Attributes:
        objective: Score or cost that says which one is best.
        winners: The best record of each search, in the order that they were given.
        seeds: Seed of each.
        agreement: Share of the decisions that two winners make alike, mean over pairs, 0 to 1.
        chance: The same for the architectures that the searches drew first.
        unsettled: Decision -> its values, of those that not all winners make alike.
        mean: Mean of the objective over winners.
        deviation: Standard deviation of it, of a sample.
    """

    objective: str
    winners: tuple[Record, ...]
    seeds: tuple[int, ...]
    agreement: float
    chance: float
    unsettled: dict[str, tuple]
    mean: float
    deviation: float


def compare_repeats(paths: Sequence[str | Path]) -> Agreement:
    """Compare what the same search has found with several seeds.

    Args:
        paths: Work dirs or archives of at least two searches.

    Raises:
        ConfigError: There are fewer, or they differ in more than their seeds.
        DataError: An archive is missing or damaged.
    """
    if len(paths) < 2:
        raise ConfigError(f'at least two searches must be compared, got {len(paths)}')
    found = [read_search(path) for path in paths]
    seeds = _read_seeds(paths)
    winners = tuple(search.records[0] for search in found)
    if len({tuple(winner.arch) for winner in winners}) > 1:
        raise ConfigError(
            'searches must be in the same space, got architectures with other decisions in '
            f'{", ".join(map(str, paths))}'
        )
    first = [[r.arch for r in search.records if r.generation == 0] for search in found]
    pairs = [pair for one, other in combinations(first, 2) for pair in product(one, other)]
    objective = next(iter(found[0].objectives))
    values = np.array([winner.value(objective) for winner in winners])
    chosen = {name: tuple(winner.arch[name] for winner in winners) for name in winners[0].arch}
    return Agreement(
        objective=objective,
        winners=winners,
        seeds=seeds,
        agreement=_mean([_share_alike(a.arch, b.arch) for a, b in combinations(winners, 2)]),
        chance=_mean([_share_alike(a, b) for a, b in pairs]),
        unsettled={name: made for name, made in chosen.items() if len(set(made)) > 1},
        mean=float(values.mean()),
        deviation=float(values.std(ddof=1)),
    )


def _read_seeds(paths: Sequence[str | Path]) -> tuple[int, ...]:
    """Return the seeds of searches that differ in nothing else.

    Supernets may differ: a search that is repeated as a whole trains each its own.
    """
    headers = [read_archive(path)[0] for path in paths]
    algorithms = [header.get('algorithm') for header in headers]
    seeds = [header.get('seed') for header in headers]
    for path, algorithm in zip(paths, algorithms, strict=True):
        if algorithm != algorithms[0]:
            raise ConfigError(
                f'{find_archive(path)} must be the same search as {find_archive(paths[0])}, but '
                'for its seed, got another algorithm, space or budget'
            )
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f'searches must be repeated with seeds that differ, got {seeds}')
    return tuple(seeds)


def _share_alike(one: Arch, other: Arch) -> float:
    return _mean([one[name] == other[name] for name in one])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float('nan')
