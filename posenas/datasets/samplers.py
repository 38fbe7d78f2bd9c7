"""Samplers whose order is a function of (seed, epoch) and that can start anywhere.

Nothing is remembered between epochs: the n-th draw of an epoch depends on the seed, the epoch and
n alone. A resumed run sets :attr:`start` and goes on with the next sample, decoding none before.
"""

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from posenas.registry import DATA_SAMPLERS

__all__ = ['DefaultSampler', 'EpochIndex', 'InfiniteSampler']

#: Separates the shuffles from the streams of samples and iterations, which share the seed.
_SHUFFLE_STREAM = 1


class EpochIndex(int):
    """Index of a sample that also says in which epoch it is drawn; the two seed its transforms.

    Args:
        index: Position in the dataset.
        epoch: How many times the whole dataset has been drawn before.
    """

    epoch: int

    def __new__(cls, index: int, epoch: int) -> 'EpochIndex':
        """Create the integer ``index`` and attach ``epoch``."""
        instance = super().__new__(cls, index)
        instance.epoch = epoch
        return instance

    def __reduce__(self) -> tuple[type['EpochIndex'], tuple[int, int]]:
        """Travel to worker processes as a pair of integers."""
        return type(self), (int(self), self.epoch)


def _epoch_order(size: int, shuffle: bool, seed: int, epoch: int) -> list[int]:
    """Return the order in which ``epoch`` visits the indices below ``size``."""
    if not shuffle:
        return list(range(size))
    sequence = np.random.SeedSequence([seed, epoch], spawn_key=(_SHUFFLE_STREAM,))
    return np.random.default_rng(sequence).permutation(size).tolist()


class _AddressedSampler(Sampler):
    """Sampler over ``dataset`` with one stream per rank.

    Attributes:
        start: Samples of this rank that the next iteration skips; set before iterating.
    """

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        if len(dataset) == 0:
            raise ValueError('a sampler needs a dataset with at least one sample, got an empty one')
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = sync_random_seed() if seed is None else seed
        self.start = 0

    def _order(self, epoch: int) -> list[int]:
        return _epoch_order(len(self.dataset), self.shuffle, self.seed, epoch)


@DATA_SAMPLERS.register_module()
class DefaultSampler(_AddressedSampler):
    """One pass over the dataset per epoch, dealt out to the ranks in turn.

    Args:
        dataset: What to sample from.
        shuffle: Draw in random order.
        seed: Seed of all shuffles, equal on every rank; None draws and shares one.
        round_up: Repeat the first samples until every rank has equally many. Evaluation counts
            them once; without it the last ranks get one sample less.
    """

    def __init__(
        self,
        dataset: Sized,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
    ) -> None:
        super().__init__(dataset, shuffle, seed)
        self.round_up = round_up
        self.epoch = 0

    @property
    def total_size(self) -> int:
        """Samples of one epoch over all ranks."""
        return len(self) * self.world_size if self.round_up else len(self.dataset)

    def __iter__(self) -> Iterator[EpochIndex]:
        """Yield this rank's indices of the epoch, from :attr:`start` on."""
        order = self._order(self.epoch)
        first = self.rank + self.start * self.world_size
        for position in range(first, self.total_size, self.world_size):
            yield EpochIndex(order[position % len(order)], self.epoch)

    def __len__(self) -> int:
        """Samples of this rank in a whole epoch, whatever :attr:`start` is."""
        offset = self.world_size - 1 if self.round_up else self.world_size - 1 - self.rank
        return (len(self.dataset) + offset) // self.world_size

    def set_epoch(self, epoch: int) -> None:
        """Select the epoch of the next iteration, to be visited from its beginning."""
        self.epoch = epoch
        self.start = 0


@DATA_SAMPLERS.register_module()
class InfiniteSampler(_AddressedSampler):
    """Endless passes over the dataset, for loops that count iterations.

    The stream runs through one epoch after another without regard to batches, so an epoch ends
    wherever ``len(dataset)`` samples have been drawn by all ranks together.

    Args:
        dataset: What to sample from.
        shuffle: Draw each epoch in random order.
        seed: Seed of all shuffles, equal on every rank; None draws and shares one.
    """

    def __iter__(self) -> Iterator[EpochIndex]:
        """Yield this rank's indices for ever, from :attr:`start` on."""
        size = len(self.dataset)
        position = self.rank + self.start * self.world_size
        while True:
            epoch = position // size
            order = self._order(epoch)
            while position // size == epoch:
                yield EpochIndex(order[position % size], epoch)
                position += self.world_size

    def __len__(self) -> int:
        """Size of the dataset, as in mmengine; the stream itself never ends."""
        return len(self.dataset)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the stream knows its epoch."""
