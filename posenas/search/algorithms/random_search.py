"""Random search, the baseline that every other algorithm must beat."""

import numpy as np

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Proposal, SearchAlgorithm


@TASK_UTILS.register_module()
class RandomSearch(SearchAlgorithm):
    """Uniform draws without repetition; under a budget, uniform among those that keep to it.

    Li and Talwalkar, Random Search and Reproducibility for Neural Architecture Search, UAI 2019.
    """

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Draw uniformly; see :meth:`SearchAlgorithm.propose`."""
        return Proposal(self.space.sample(rng))
