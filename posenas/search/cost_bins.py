"""Random architectures of all costs: uniform ones are seldom small and seldom large."""

from collections.abc import Mapping, Sequence

import numpy as np

from posenas.registry import TASK_UTILS
from posenas.search.costs import Cost, CostContext
from posenas.search.space import Arch, SearchSpace
from posenas.utils import check_positive
from posenas.utils.randomness import Stream, make_generator

#: Random architectures that say where the bins lie, and the share left out at either end.
_NUM_SEEN, _TAIL = 500, 0.01


@TASK_UTILS.register_module()
class CostBins:
    """Draws architectures whose costs are spread evenly.

    A bin is drawn, then architectures until one lies in it. The bins are equally wide and lie
    between the 1 % and the 99 % quantile of uniform architectures.

    Args:
        space: Space of the architectures, or its config.
        cost: What is spread, or its config.
        input_size: (width, height) of the images, pixels.
        num_keypoints: Keypoints.
        num_bins: Number of bins.
        max_tries: Architectures drawn at most; then the nearest one counts.
    """

    def __init__(
        self,
        space: SearchSpace | Mapping,
        cost: Cost | Mapping,
        input_size: Sequence[int] = (192, 256),
        num_keypoints: int = 17,
        num_bins: int = 8,
        max_tries: int = 200,
    ) -> None:
        check_positive('num_bins', num_bins)
        check_positive('max_tries', max_tries)
        self.space = TASK_UTILS.build(dict(space)) if isinstance(space, Mapping) else space
        self.cost = TASK_UTILS.build(dict(cost)) if isinstance(cost, Mapping) else cost
        width, height = input_size
        self.context = CostContext((int(width), int(height)), num_keypoints)
        self.max_tries = max_tries
        rng = make_generator(Stream.COST_BINS, 0)
        seen = [self._measure(self.space.sample(rng)) for _ in range(_NUM_SEEN)]
        self.edges = np.linspace(*np.quantile(seen, [_TAIL, 1 - _TAIL]), num_bins + 1)

    def sample(self, rng: np.random.Generator) -> Arch:
        """Draw one architecture."""
        i = int(rng.integers(len(self.edges) - 1))
        low, high = self.edges[i : i + 2]
        nearest, least = None, np.inf
        for _ in range(self.max_tries):
            arch = self.space.sample(rng)
            cost = self._measure(arch)
            distance = max(low - cost, cost - high, 0.0)
            if distance < least:
                nearest, least = arch, distance
            if not distance:
                break
        return nearest

    def _measure(self, arch: Arch) -> float:
        return self.cost(self.space.to_genotype(arch), self.context)
