"""Stateless randomness: every draw is seeded by where it happens, so nothing needs restoring."""

import random
from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dataset import worker_init_fn
from torch.utils.data import Dataset

from posenas.engine.signals import leave_signals_to_parent

__all__ = [
    'init_worker',
    'make_path_generator',
    'seed_initialization',
    'seed_iteration',
    'set_dataset_seed',
]

#: Keep initialisation and iterations apart from samples and shuffles, which share the seed.
_ITERATION_STREAM, _INITIALIZATION_STREAM, _PATH_STREAM = 2, 3, 8


def _seed_global_generators(sequence: np.random.SeedSequence) -> None:
    """Seed python, numpy and torch; third-party layers draw from these."""
    state = [int(word) for word in sequence.generate_state(3, np.uint64)]
    random.seed(state[0])
    np.random.seed(state[1] % 2**32)  # noqa: NPY002  (the generator that other packages use)
    torch.manual_seed(state[2] >> 1)


def seed_iteration(seed: int, iteration: int, rank: int) -> None:
    """Seed the global generators for one training iteration of one process."""
    _seed_global_generators(
        np.random.SeedSequence([seed, iteration, rank], spawn_key=(_ITERATION_STREAM,))
    )


def seed_initialization(seed: int) -> None:
    """Seed the global generators for drawing initial weights, alike on every rank."""
    _seed_global_generators(np.random.SeedSequence([seed], spawn_key=(_INITIALIZATION_STREAM,)))


def make_path_generator(seed: int, iteration: int) -> torch.Generator:
    """Return the generator of one iteration's path through a supernet, alike on every rank."""
    sequence = np.random.SeedSequence([seed, iteration], spawn_key=(_PATH_STREAM,))
    return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0]) >> 1)


def init_worker(worker_id: int, num_workers: int, rank: int, seed: int) -> None:
    """Seed a data worker for third-party code and leave signals to the main process."""
    worker_init_fn(worker_id, num_workers=num_workers, rank=rank, seed=seed)
    leave_signals_to_parent()


def _wrapped_datasets(dataset: Dataset) -> Iterator[Dataset]:
    """Yield the datasets that ``dataset`` (a concatenation, a repetition, a slice) wraps."""
    for name in ('dataset', '_dataset'):
        inner = getattr(dataset, name, None)
        if isinstance(inner, Dataset):
            yield inner
    inner = getattr(dataset, 'datasets', None)
    if isinstance(inner, list | tuple):
        yield from (item for item in inner if isinstance(item, Dataset))


def set_dataset_seed(dataset: Dataset, seed: int) -> None:
    """Give ``seed`` to every dataset with that attribute, through all wrappers."""
    if hasattr(dataset, 'seed'):
        dataset.seed = seed
    for inner in _wrapped_datasets(dataset):
        set_dataset_seed(inner, seed)
