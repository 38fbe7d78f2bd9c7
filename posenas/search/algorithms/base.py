"""What search algorithms share: asking for architectures that are new and affordable."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from posenas.genotype import Genotype
from posenas.registry import TASK_UTILS
from posenas.search.archive import Record, digest, objective_values
from posenas.search.space import Arch, SearchSpace
from posenas.utils import ConfigError, check_choice, check_positive
from posenas.utils.randomness import Stream, make_generator

if TYPE_CHECKING:
    from posenas.search.costs import Budget

#: Uniform draws that follow a proposal in vain.
_DRAWS_PER_TRY = 10
#: Walks towards the limits that follow those in vain, each of as many steps as proposals.
_NUM_WALKS = 10


@dataclass(frozen=True)
class Proposal:
    """An architecture that may turn out known or too expensive.

    Attributes:
        arch: The architecture.
        parents: Trials of those it was bred from.
    """

    arch: Arch
    parents: tuple[int, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """An architecture to be evaluated: new, and but for :attr:`is_beyond` within the budget.

    Attributes:
        trial: Its number, counted from 0.
        arch: The architecture.
        genotype: The same as a genotype.
        costs: Cost -> value.
        parents: Trials of those it was bred from.
        is_beyond: Whether it exceeds the budget and is evaluated only to learn from it.
        rung: How far it is trained, as a place among the evaluator's rungs; None trains it in full.
    """

    trial: int
    arch: Arch
    genotype: Genotype
    costs: dict[str, float]
    parents: tuple[int, ...] = ()
    is_beyond: bool = False
    rung: int | None = None


class SearchAlgorithm(ABC):
    """Proposes architectures in generations, from the records of all generations before.

    It keeps nothing that the records do not say, and trial t draws from its own generator, so
    that telling the records of an archive restores it. A subclass writes :meth:`propose`.

    Args:
        space: What is searched, or its config.
        objectives: Name of a score or cost -> 'greater' or 'less', whichever is better. The first
            one counts where an algorithm pursues a single one.
        budget: Costs and their limits, or their config; None knows no cost.
        seed: Seed of all proposals.
        max_tries: Proposals for one trial before uniform draws replace them, ten times as many, and
            before walks towards the limits replace those, as many steps again.
    """

    def __init__(
        self,
        space: SearchSpace | dict[str, Any],
        objectives: Mapping[str, str],
        budget: 'Budget | dict[str, Any] | None' = None,
        seed: int = 0,
        max_tries: int = 100,
    ) -> None:
        if not objectives:
            raise ConfigError("objectives must name at least one, such as dict(AP='greater')")
        for name, better in objectives.items():
            check_choice(f'objectives.{name}', better, ('greater', 'less'))
        check_positive('max_tries', max_tries)
        self.space: SearchSpace = TASK_UTILS.build(space) if isinstance(space, dict) else space
        self.budget: Budget | None = (
            TASK_UTILS.build(dict(budget, type='Budget')) if isinstance(budget, dict) else budget
        )
        self.objectives = dict(objectives)
        self.seed = seed
        self.max_tries = max_tries
        self.records: list[Record] = []

    def fingerprint(self) -> dict[str, Any]:
        """Say everything that the proposals depend on, as plain data."""
        own = {
            name: value
            for name, value in vars(self).items()
            if not name.startswith('_') and name not in ('space', 'budget', 'records')
        }
        decisions = digest(*(repr(decision) for decision in self.space.decisions))
        smallest = self.space.to_genotype(self.space.extremes()[0])
        return dict(
            own,
            type=type(self).__name__,
            space=[type(self.space).__name__, decisions, smallest.id],
            budget=self.budget and self.budget.fingerprint(),
        )

    @abstractmethod
    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Propose an architecture from :attr:`records`; called again if it does not fit.

        Args:
            trial: Number of the trial it is for.
            rng: Source of all its randomness.
        """

    @property
    def num_trials(self) -> int | None:
        """Trials after which it has what it wants to know; None where more are always better."""
        return None

    @property
    def num_rungs(self) -> int | None:
        """Lengths of training that it asks for; None where it asks for whole trainings alone."""
        return None

    def limit(self, number: int) -> int:
        """Return how many of the next ``number`` trials can be asked for now; all by default."""
        return number

    def ask(self, number: int) -> list[Candidate]:
        """Return the candidates of the next ``number`` trials: all distinct, all in the budget.

        Asking again without telling gives the same. There are fewer only where no further
        architecture is found.

        Raises:
            ConfigError: No architecture within the limits was found at all.
        """
        known = {record.id for record in self.records}
        excess = {record.arch: self._exceed(record.costs) for record in self.records}
        candidates: list[Candidate] = []
        for trial in range(len(self.records), len(self.records) + number):
            candidate = self._find_candidate(trial, known, excess)
            if candidate is None:
                break
            known.add(candidate.genotype.id)
            candidates.append(candidate)
        return candidates

    def tell(self, records: Sequence[Record]) -> None:
        """Learn what came of the last candidates, in the order of trials."""
        trials = [record.trial for record in records]
        expected = list(range(len(self.records), len(self.records) + len(records)))
        if trials != expected:
            raise ValueError(f'records must be of the trials {expected}, got {trials}')
        objective_values(records, self.objectives)  # objectives that are not scored raise here
        self.records.extend(records)
        self.learn(records)

    def learn(self, records: Sequence[Record]) -> None:  # noqa: B027
        """Take in what was told, for algorithms that summarise it; nothing by default."""

    def best(self, number: int, among: Sequence[Record] | None = None) -> list[Record]:
        """Return the ``number`` best records by the first objective, earlier trials first on ties.

        Args:
            number: Records at most.
            among: Choose from these; None means all. Failed ones are left out.
        """
        good = [r for r in (self.records if among is None else among) if r.status == 'ok']
        name = next(iter(self.objectives))
        values = objective_values(good, {name: self.objectives[name]})[:, 0]
        return [good[i] for i in np.argsort(values, kind='stable')[:number]]

    def _find_candidate(
        self, trial: int, known: set[str], excess: dict[Arch, float]
    ) -> Candidate | None:
        """Try until an architecture is new and affordable; None if all affordable ones are known.

        Args:
            trial: Number of the trial.
            known: Ids of what was proposed before.
            excess: Architectures looked at before -> how far they are outside the limits; extended.

        Raises:
            ConfigError: None was affordable, of all that were looked at.
        """
        num_tries = 0
        for proposal in self._suggest(trial, excess):
            num_tries += 1
            arch = proposal.arch
            if arch not in excess:
                genotype = self.space.to_genotype(arch)
                costs = self.budget.measure(genotype) if self.budget else {}
                excess[arch] = self._exceed(costs)
                if not excess[arch] and genotype.id not in known:
                    return Candidate(trial, arch, genotype, costs, proposal.parents)
        nearest = min(excess.values())
        if nearest:
            raise ConfigError(
                f'limits must leave some architectures, but none of {num_tries} kept to '
                f'{self.budget and self.budget.limits}, and the nearest missed by {nearest:.0%}: '
                'widen them, or raise max_tries'
            )
        return None

    def _exceed(self, costs: Mapping[str, float]) -> float:
        """Return how far costs are outside the limits, see :meth:`Budget.violation`."""
        return self.budget.violation(costs) if self.budget else 0.0

    def _suggest(self, trial: int, excess: dict[Arch, float]) -> Iterator[Proposal]:
        """Propose, then draw uniformly, then walk from such draws towards the limits.

        Limits near an end of a space of many decisions are never met by uniform draws. A step draws
        one decision anew and is kept unless it leads away from the limits.
        """
        rng = make_generator(Stream.PROPOSAL, self.seed, trial)
        for _ in range(self.max_tries):
            yield self.propose(trial, rng)
        for _ in range(_DRAWS_PER_TRY * self.max_tries):
            yield Proposal(self.space.sample(rng))
        names = [decision.name for decision in self.space.decisions]
        for _ in range(_NUM_WALKS if self.budget else 0):
            arch = self.space.sample(rng)
            yield Proposal(arch)
            for _ in range(1, self.max_tries):
                step = self.space.redraw(arch, [names[int(rng.integers(len(names)))]], rng)
                yield Proposal(step)  # from here on ``excess`` has it
                if excess[step] <= excess[arch]:
                    arch = step
