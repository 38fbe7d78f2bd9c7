"""Generational evolution."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Proposal, SearchAlgorithm
from posenas.search.archive import Record
from posenas.search.space import Arch
from posenas.utils import check_positive, check_probability


@TASK_UTILS.register_module()
class EvolutionSearch(SearchAlgorithm):
    """Mutants and children of the best architectures so far.

    Guo et al., Single Path One-Shot Neural Architecture Search with Uniform Sampling, ECCV 2020,
    section 3.4. The best are chosen from all generations, so none is lost.

    Args:
        num_random: Architectures drawn uniformly before evolution starts.
        num_parents: Best architectures that may have children.
        mutate_prob: Probability that a decision of a mutant is redrawn; one is at least.
        crossover_share: Share of the children that have two parents; the others are mutants.
        repair: Whether proposals above the budget are moved down, one random decision at a time,
            until they fit, instead of being drawn again.
        **kwargs: Arguments of :class:`SearchAlgorithm`.
    """

    def __init__(
        self,
        num_random: int = 64,
        num_parents: int = 16,
        mutate_prob: float = 0.1,
        crossover_share: float = 0.5,
        repair: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive('num_random', num_random)
        check_positive('num_parents', num_parents)
        check_probability('mutate_prob', mutate_prob)
        check_probability('crossover_share', crossover_share)
        self.num_random, self.num_parents = num_random, num_parents
        self.mutate_prob, self.crossover_share = mutate_prob, crossover_share
        self._repair = repair
        self._parents: list[Record] = []

    def fingerprint(self) -> dict[str, Any]:
        """Say everything that the proposals depend on; ``repair`` only where it is on."""
        return dict(super().fingerprint(), **(dict(repair=True) if self._repair else {}))

    def learn(self, records: Sequence[Record]) -> None:
        """Choose the parents of the next generation."""
        self._parents = self.best(self.num_parents)

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Draw uniformly at first, later breed; see :meth:`SearchAlgorithm.propose`."""
        proposal = self._breed(trial, rng)
        return replace(proposal, arch=self._fit(proposal.arch, rng)) if self._repair else proposal

    def _fit(self, arch: Arch, rng: np.random.Generator) -> Arch:
        """Move decisions down until nothing costs more than it may, or no step is left."""
        while self.budget is not None:
            costs = self.budget.measure(self.space.to_genotype(arch))
            limits = self.budget.limits.items()
            if not any(high is not None and costs[name] > high for name, (_, high) in limits):
                break
            child = self.space.cheapen(arch, rng)
            if child is None:
                break
            arch = child
        return arch

    def _breed(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Draw uniformly at first, later make children of the parents."""
        parents = self._parents
        if trial < self.num_random or not parents:
            return Proposal(self.space.sample(rng))
        if len(parents) > 1 and self._is_crossover(trial - self.num_random):
            mother, father = (parents[i] for i in rng.choice(len(parents), 2, replace=False))
            child = self.space.crossover(mother.arch, father.arch, rng)
            return Proposal(child, (mother.trial, father.trial))
        parent = parents[int(rng.integers(len(parents)))]
        child = self.space.mutate(parent.arch, self.mutate_prob, rng)
        return Proposal(child, (parent.trial,))

    def _is_crossover(self, child: int) -> bool:
        """Deal out crossovers evenly, so that every generation has its share of them."""
        return int((child + 1) * self.crossover_share) > int(child * self.crossover_share)
