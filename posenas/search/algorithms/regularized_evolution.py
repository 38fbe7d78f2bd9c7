"""Evolution in which the oldest die."""

from typing import Any

import numpy as np

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Proposal, SearchAlgorithm
from posenas.utils import ConfigError


@TASK_UTILS.register_module()
class RegularizedEvolution(SearchAlgorithm):
    """Mutants of the best of a few, drawn from the youngest architectures.

    Real et al., Regularized Evolution for Image Classifier Architecture Search, AAAI 2019. With
    generations of more than one trial, those of a generation do not see each other.

    Args:
        population: Youngest architectures that are alive.
        tournament: How many of them are drawn; the best one has the child.
        mutate_prob: Probability that a decision is redrawn; 0 redraws exactly one.
        **kwargs: Arguments of :class:`SearchAlgorithm`.

    Raises:
        ConfigError: The tournament is larger than the population.
    """

    def __init__(
        self, population: int = 50, tournament: int = 10, mutate_prob: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not 1 <= tournament <= population:
            raise ConfigError(
                f'tournament must lie in 1..population, got {tournament} of {population}'
            )
        self.population, self.tournament, self.mutate_prob = population, tournament, mutate_prob

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Draw uniformly at first, later mutate; see :meth:`SearchAlgorithm.propose`."""
        alive = [r for r in self.records[-self.population :] if r.status == 'ok']
        if trial < self.population or not alive:
            return Proposal(self.space.sample(rng))
        drawn = rng.choice(len(alive), min(self.tournament, len(alive)), replace=False)
        (parent,) = self.best(1, [alive[i] for i in drawn])
        child = self.space.mutate(parent.arch, self.mutate_prob, rng)
        return Proposal(child, (parent.trial,))
