"""NSGA-II: evolution towards a whole Pareto front."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Proposal, SearchAlgorithm
from posenas.search.archive import Record, objective_values
from posenas.utils import check_positive, check_probability


@TASK_UTILS.register_module()
class NSGA2(SearchAlgorithm):
    """Breed those that few others beat and that lie apart from the rest.

    Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, IEEE Transactions on
    Evolutionary Computation 2002. Waves should have the size of the population.

    Args:
        population: Architectures that survive a generation; as many are drawn uniformly at first.
        crossover_prob: Probability that a child has two parents.
        mutate_prob: Probability that a decision of a child is redrawn, one at least; None means
            one over the number of decisions.
        **kwargs: Arguments of :class:`SearchAlgorithm`.
    """

    def __init__(
        self,
        population: int = 64,
        crossover_prob: float = 0.9,
        mutate_prob: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive('population', population)
        check_probability('crossover_prob', crossover_prob)
        if mutate_prob is None:
            mutate_prob = 1 / len(self.space.decisions)
        check_probability('mutate_prob', mutate_prob)
        self.population, self.crossover_prob = population, crossover_prob
        self.mutate_prob = mutate_prob
        self._alive: list[Record] = []  # best first

    def learn(self, records: Sequence[Record]) -> None:
        """Let the best of parents and children survive."""
        rivals = [r for r in (*self._alive, *records) if r.status == 'ok']
        values = objective_values(rivals, self.objectives)
        fronts = rank_fronts(values)
        crowding = np.empty(len(rivals))
        for front in np.unique(fronts):
            crowding[fronts == front] = crowding_distance(values[fronts == front])
        order = np.lexsort((-crowding, fronts))[: self.population]
        self._alive = [rivals[i] for i in order]

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Draw uniformly at first, later breed; see :meth:`SearchAlgorithm.propose`."""
        if trial < self.population or len(self._alive) < 2:
            return Proposal(self.space.sample(rng))
        mother, father = self._choose_parent(rng), self._choose_parent(rng)
        child, parents = mother.arch, [mother.trial]
        if rng.random() < self.crossover_prob:
            child = self.space.crossover(child, father.arch, rng)
            parents.append(father.trial)
        return Proposal(self.space.mutate(child, self.mutate_prob, rng), tuple(parents))

    def _choose_parent(self, rng: np.random.Generator) -> Record:
        """Draw two that are alive and take the better one."""
        first, second = rng.choice(len(self._alive), 2, replace=False)
        return self._alive[int(min(first, second))]


def rank_fronts(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number the fronts: 0 for rows that no other beats, 1 for those that only front 0 beats, ...

    Args:
        values: To be minimised (records, objectives).

    Returns:
        Front of each record (records,).
    """
    no_worse = (values[:, None] <= values[None]).all(-1)
    beats = no_worse & (values[:, None] < values[None]).any(-1)
    fronts = np.full(len(values), -1)
    front = 0
    while (fronts < 0).any():
        is_open = fronts < 0
        is_free = is_open & ~(beats & is_open[:, None]).any(0)
        fronts[is_free] = front
        front += 1
    return fronts


def crowding_distance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell how far the neighbours of each record of one front lie apart, over all objectives.

    Args:
        values: Of one front (records, objectives).

    Returns:
        (records,) the larger, the lonelier; infinite at the ends.
    """
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind='stable')
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
