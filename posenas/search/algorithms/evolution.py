"""Generational evolution."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Proposal, SearchAlgorithm
from posenas.search.archive import Record
from posenas.search.predictor import LEAST_ARCHITECTURES, ScorePredictor
from posenas.search.space import Arch
from posenas.utils import check_positive, check_probability
from posenas.utils.telling import tell


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
        prescreen: Children of one trial, of which the one with the best predicted score is
            evaluated, as long as the predictor orders unseen architectures well enough; see
            :class:`~posenas.search.ScorePredictor`. 1 predicts nothing.
        **kwargs: Arguments of :class:`SearchAlgorithm`.
    """

    def __init__(
        self,
        num_random: int = 64,
        num_parents: int = 16,
        mutate_prob: float = 0.1,
        crossover_share: float = 0.5,
        repair: bool = False,
        prescreen: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive('num_random', num_random)
        check_positive('num_parents', num_parents)
        check_positive('prescreen', prescreen)
        check_probability('mutate_prob', mutate_prob)
        check_probability('crossover_share', crossover_share)
        self.num_random, self.num_parents = num_random, num_parents
        self.mutate_prob, self.crossover_share = mutate_prob, crossover_share
        self._repair, self._prescreen = repair, prescreen
        self._parents: list[Record] = []
        self._predictor: ScorePredictor | None = None

    def fingerprint(self) -> dict[str, Any]:
        """Say everything that the proposals depend on; what is off is left out."""
        is_on = dict(repair=self._repair, prescreen=self._prescreen > 1)
        own = dict(repair=self._repair, prescreen=self._prescreen)
        return super().fingerprint() | {name: own[name] for name in own if is_on[name]}

    def learn(self, records: Sequence[Record]) -> None:
        """Choose the parents of the next generation, and fit the predictor."""
        self._parents = self.best(self.num_parents)
        good = sum(record.status == 'ok' for record in self.records)
        if self._prescreen > 1 and good >= LEAST_ARCHITECTURES:
            name = next(iter(self.objectives))
            self._predictor = found = ScorePredictor(self.space, self.records, name)
            tell(
                f'the predictor of {name} orders {good} architectures with a rank correlation of '
                f'{found.spearman:.2f} and {"screens" if found.is_reliable else "waits"}'
            )

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Draw uniformly at first, later breed; see :meth:`SearchAlgorithm.propose`."""
        if trial < self.num_random or self._predictor is None or not self._predictor.is_reliable:
            return self._propose_one(trial, rng)
        children = [self._propose_one(trial, rng) for _ in range(self._prescreen)]
        known = {record.arch for record in self.records}
        fit = [c for c in children if c.arch not in known and self._is_affordable(c.arch)]
        if not fit:
            return children[0]
        sign = 1 if next(iter(self.objectives.values())) == 'greater' else -1
        return fit[int(np.argmax(sign * self._predictor.predict([c.arch for c in fit])))]

    def _is_affordable(self, arch: Arch) -> bool:
        if self.budget is None:
            return True
        return self.budget.violation(self.budget.measure(self.space.to_genotype(arch))) == 0

    def _propose_one(self, trial: int, rng: np.random.Generator) -> Proposal:
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
