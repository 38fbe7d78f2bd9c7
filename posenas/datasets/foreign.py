"""Transforms of other packages, which know no generator but the global ones."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch


def has_foreign(pipeline: Sequence[Callable]) -> bool:
    """Say whether a transform is not ours."""
    return any(not type(step).__module__.startswith('posenas.') for step in pipeline)


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """Seed the global generators for transforms that are not ours, and restore them after."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
