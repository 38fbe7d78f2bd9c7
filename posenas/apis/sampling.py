"""Random architectures to compare what a search has found with."""

from dataclasses import dataclass

from posenas.apis.building import ConfigLike, build_space, load_checked
from posenas.apis.genotypes import GenotypeLike, read_genotype
from posenas.genotype import Genotype
from posenas.search import Budget
from posenas.search.algorithms import RandomSearch
from posenas.utils import ConfigError

#: Draws before it is given up.
_MAX_TRIES = 5000


@dataclass(frozen=True)
class SampledArch:
    """A random architecture.

    Attributes:
        genotype: The architecture.
        cost: What it costs.
        wanted: What it should cost.
    """

    genotype: Genotype
    cost: float
    wanted: float


def sample_alike(
    config: ConfigLike,
    like: GenotypeLike,
    cost: str = 'macs',
    within: float = 0.02,
    seed: int = 0,
) -> SampledArch:
    """Draw architectures of a space until one costs nearly what a given network does.

    Args:
        config: Config of a SearchLoop, whose budget counts the cost.
        like: The network: genotype, its file, folder of a derived network or config.
        cost: Name of the cost.
        within: Share by which the costs may differ, between 0 and 1.
        seed: Seed of the draws.

    Raises:
        ConfigError: The config is of no such search, or nothing was found.
        DataError: A file cannot be read.
    """
    if not 0 < within < 1:
        raise ConfigError(f'within must lie between 0 and 1, got {within}')
    cfg = load_checked(config)
    loop = cfg.get('train_cfg') or {}
    if loop.get('type') != 'SearchLoop' or not loop.get('budget'):
        raise ConfigError(f'{cfg.filename} must be the config of a SearchLoop with a budget')
    space = build_space(cfg)
    counted = {key: value for key, value in loop.budget.to_dict().items() if key != 'limits'}
    costs = Budget(**counted).measure(read_genotype(like))
    if cost not in costs:
        raise ConfigError(f'cost must be one that the budget counts, {sorted(costs)}, got {cost!r}')
    wanted = costs[cost]
    budget = Budget(**counted, limits={cost: ((1 - within) * wanted, (1 + within) * wanted)})
    algorithm = RandomSearch(space, {cost: 'less'}, budget, seed=seed, max_tries=_MAX_TRIES)
    found = algorithm.ask(1)[0]
    return SampledArch(found.genotype, found.costs[cost], wanted)
