"""Generators of python and torch, seeded by where they are needed, so nothing needs restoring.

:mod:`posenas.utils.randomness` lists the streams.
"""

import random
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.data import Dataset

from posenas.engine.signals import leave_signals_to_parent
from posenas.utils.randomness import Stream, derive_seed, make_sequence


def _seed_global_generators(stream: Stream, seed: int, *key: int) -> None:
    """Seed python, numpy and torch; third-party layers draw from these."""
    state = make_sequence(stream, seed, *key).generate_state(3, np.uint64).tolist()
    random.seed(state[0])
    np.random.seed(state[1] % 2**32)  # noqa: NPY002  (the generator that other packages use)
    torch.manual_seed(state[2] >> 1)


def seed_iteration(seed: int, iteration: int, rank: int) -> None:
    """Seed the global generators for one training iteration of one process."""
    _seed_global_generators(Stream.ITERATION, seed, iteration, rank)


def seed_construction(seed: int) -> None:
    """Seed the global generators for building a model, alike on every rank."""
    _seed_global_generators(Stream.CONSTRUCTION, seed)


def seed_initialization(seed: int) -> None:
    """Seed the global generators for drawing initial weights, alike on every rank."""
    _seed_global_generators(Stream.INITIALIZATION, seed)


def make_torch_generator(stream: Stream, seed: int, *key: int) -> torch.Generator:
    """Return a generator of torch, on the CPU, of ``stream`` at ``key``."""
    return torch.Generator().manual_seed(derive_seed(stream, seed, *key))


def init_worker(worker_id: int, rank: int, seed: int) -> None:
    """Seed a data worker for third-party code and leave signals to the main process."""
    _seed_global_generators(Stream.WORKER, seed, rank, worker_id)
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
