"""Successive halving: train many architectures a little, and the best of them on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Candidate, Proposal, SearchAlgorithm
from posenas.search.archive import Record
from posenas.search.space import Arch
from posenas.utils import ConfigError, check_positive


@TASK_UTILS.register_module()
class SuccessiveHalving(SearchAlgorithm):
    """Trains uniform draws for a part of the schedule, and one of ``eta`` on, rung after rung.

    Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization,
    AISTATS 2016, section 3. The evaluator says how long the trainings of each rung are
    (``rungs`` of :class:`~posenas.search.TrainEvaluator`); a training goes on where it was, so that
    the last rung has what a whole training gives. Only its records are of status 'ok'; the others
    are 'short', and never chosen. The first objective counts.

    Args:
        num_candidates: Architectures of the first rung.
        eta: One of so many goes on; at least one does.
        num_rungs: Rungs, as many as the evaluator has.
        **kwargs: Arguments of :class:`SearchAlgorithm`.

    Raises:
        ConfigError: A number is not positive, or everybody would go on.
    """

    def __init__(
        self, num_candidates: int = 27, eta: int = 3, num_rungs: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_positive('num_candidates', num_candidates)
        check_positive('num_rungs', num_rungs)
        if eta < 2:
            raise ConfigError(f'eta must be at least 2, got {eta}: one of eta goes on')
        self.num_candidates, self.eta, self.rungs = num_candidates, eta, num_rungs

    @property
    def num_rungs(self) -> int:
        """Lengths of training that it asks for."""
        return self.rungs

    @property
    def num_trials(self) -> int:
        """Trials of all rungs, unless so many fail that fewer go on."""
        return sum(max(1, self.num_candidates // self.eta**rung) for rung in range(self.num_rungs))

    def limit(self, number: int) -> int:
        """Return ``number``, or what is left of the rung; 0 after the last one."""
        return min(number, self._find_rung()[2])

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Draw uniformly; see :meth:`SearchAlgorithm.propose`."""
        return Proposal(self.space.sample(rng))

    def _find_candidate(
        self, trial: int, known: set[str], excess: dict[Arch, float]
    ) -> Candidate | None:
        """Return a new architecture on the first rung, and one that goes on above it."""
        rung, going, left = self._find_rung()
        if rung:
            place = len(going) - left + trial - len(self.records)
            record = going[place]
            genotype = self.space.to_genotype(record.arch)
            costs = dict(record.costs)
            return Candidate(trial, record.arch, genotype, costs, (record.trial,), rung=rung)
        found = super()._find_candidate(trial, known, excess)
        if found is None:
            raise ConfigError(
                f'num_candidates must be at most the affordable architectures, got '
                f'{self.num_candidates}, of which {trial} were found: set train_cfg.algorithm'
            )
        return Candidate(trial, found.arch, found.genotype, found.costs, rung=0)

    def _find_rung(self) -> tuple[int, list[Record], int]:
        """Return the rung of the next trial, who goes on to it, and how many trials it has left."""
        told, size, going = 0, self.num_candidates, list[Record]()
        for rung in range(self.num_rungs):
            here = self.records[told : told + size]
            if len(here) < size:
                return rung, going, size - len(here)
            told += size
            going = self._choose(here, max(1, size // self.eta))
            size = len(going)
        return self.num_rungs, [], 0

    def _choose(self, records: Sequence[Record], number: int) -> list[Record]:
        """Return the best by the first objective, earlier ones on ties; none that failed."""
        name, better = next(iter(self.objectives.items()))
        sign = -1 if better == 'greater' else 1
        good = [record for record in records if record.status != 'failed']
        return sorted(good, key=lambda record: sign * record.value(name))[:number]
