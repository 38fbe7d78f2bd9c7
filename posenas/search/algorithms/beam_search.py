"""Beam search: one part of the architecture after another."""

from typing import Any

import numpy as np

from posenas.registry import TASK_UTILS
from posenas.search.algorithms.base import Proposal, SearchAlgorithm
from posenas.utils import ConfigError, check_positive


@TASK_UTILS.register_module()
class BeamSearch(SearchAlgorithm):
    """Draws for one part after another, each on top of the best ones for the parts before.

    Parts that are not decided yet are the cheapest of the space. Of a network for videos the parts
    are the frames, in their order, of which each depends on earlier ones alone; elsewhere they are
    the groups of decisions. Where a part has fewer options than trials, draws of the whole take
    what is left. Liu et al., Progressive Neural Architecture Search, ECCV 2018, grow
    architectures in this manner.

    Args:
        trials_per_part: Architectures evaluated for each part, a multiple of the generation. The
            last part has all that are left.
        num_beams: Best ones of a part that are continued.
        **kwargs: Arguments of :class:`SearchAlgorithm`.

    Raises:
        ConfigError: A limit has a lower bound, which undecided parts cannot keep to.
    """

    def __init__(self, trials_per_part: int = 64, num_beams: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive('trials_per_part', trials_per_part)
        check_positive('num_beams', num_beams)
        self.trials_per_part, self.num_beams = trials_per_part, num_beams
        limits = self.budget.limits if self.budget else {}
        low = sorted(name for name, (lowest, _) in limits.items() if lowest is not None)
        if low:
            raise ConfigError(
                f'limits of a beam search must be upper bounds, got lower ones of {low}: its first '
                'architectures are the cheapest but for one part'
            )

    def propose(self, trial: int, rng: np.random.Generator) -> Proposal:
        """Redraw one part of one of the beams; see :meth:`SearchAlgorithm.propose`."""
        size, parts = self.trials_per_part, self.space.parts
        part = min(trial // size, len(parts) - 1)
        before = self.records[(part - 1) * size : part * size] if part else []
        beams = self.best(self.num_beams, before)
        if not beams:
            return Proposal(self.space.redraw(self.space.extremes()[0], parts[part], rng))
        beam = beams[trial % len(beams)]
        return Proposal(self.space.redraw(beam.arch, parts[part], rng), (beam.trial,))
