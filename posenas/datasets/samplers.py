"""Samplers whose order is a function of (seed, epoch) and that can start anywhere.

Nothing is remembered between epochs: the n-th draw of an epoch depends on the seed, the epoch and
n alone. A resumed run sets :attr:`start` and goes on with the next sample, decoding none before.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence, Sized
from itertools import pairwise

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Dataset, Sampler

from posenas.registry import DATA_SAMPLERS
from posenas.utils.errors import ConfigError
from posenas.utils.randomness import Stream, make_generator


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


class _AddressedSampler(Sampler):
    """Sampler over ``dataset`` with one sequence of indices per rank.

    Attributes:
        stream: Random numbers of the shuffles.
        start: Samples of this rank that the next iteration skips; set before iterating.
    """

    stream = Stream.SHUFFLE

    def __init__(self, dataset: Sized, shuffle: bool = True, seed: int | None = None) -> None:
        _set_address(self, dataset, shuffle, seed)


def _set_address(sampler: Sampler, dataset: Sized, shuffle: bool, seed: int | None) -> None:
    """Give ``sampler`` what its order follows from."""
    if len(dataset) == 0:
        raise ValueError('a sampler needs a dataset with at least one sample, got an empty one')
    sampler.rank, sampler.world_size = get_dist_info()
    sampler.dataset = dataset
    sampler.shuffle = shuffle
    sampler.seed = sync_random_seed() if seed is None else seed
    sampler.start = 0


def _draw_order(sampler: Sampler, size: int, *key: int) -> list[int]:
    """Return the order in which a pass visits the indices below ``size``.

    Args:
        sampler: Sampler with an address.
        size: Number of samples.
        *key: Address of the pass in ``sampler.stream``, the epoch first.
    """
    if not sampler.shuffle:
        return list(range(size))
    return make_generator(sampler.stream, sampler.seed, *key).permutation(size).tolist()


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
        order = _draw_order(self, len(self.dataset), self.epoch)
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

    stream = Stream.ENDLESS_SHUFFLE

    def __iter__(self) -> Iterator[EpochIndex]:
        """Yield this rank's indices for ever, from :attr:`start` on."""
        size = len(self.dataset)
        position = self.rank + self.start * self.world_size
        while True:
            epoch = position // size
            order = _draw_order(self, size, epoch)
            while position // size == epoch:
                yield EpochIndex(order[position % size], epoch)
                position += self.world_size

    def __len__(self) -> int:
        """Size of the dataset, as in mmengine; the stream itself never ends."""
        return len(self.dataset)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: the stream knows its epoch."""


class PartsSampler(Sampler):
    """Batches with a fixed number of samples from each part of the data.

    Each part is an endless stream with shuffles and epochs of its own, so a smaller part is
    repeated more often. Every batch of every rank takes the next samples of each part, in the order
    of the parts.

    Attributes:
        parts: Indices of the samples of each part.
        counts: Samples of each part in a batch of a rank; known when the batch size is.
        batch_size: Samples per batch of a rank; :class:`posenas.engine.PoseRunner` sets it to
            that of the data loader.
    """

    stream = Stream.RATIO_SHUFFLE

    def __init__(
        self, dataset: Sized, parts: Sequence[np.ndarray], shuffle: bool, seed: int | None
    ) -> None:
        _set_address(self, dataset, shuffle, seed)
        self.parts = parts
        self.counts: list[int] = []
        self._batch_size: int | None = None
        self.epoch = 0

    @property
    def batch_size(self) -> int:
        """Samples per batch of a rank."""
        if self._batch_size is None:
            raise ConfigError(
                f'batch_size of {type(self).__name__} must equal batch_size of the data loader'
            )
        return self._batch_size

    @batch_size.setter
    def batch_size(self, size: int) -> None:
        self.counts = self._share(size)
        self._batch_size = size

    @abstractmethod
    def _share(self, size: int) -> list[int]:
        """Divide the ``size`` samples of a batch among the parts."""

    @property
    @abstractmethod
    def num_batches(self) -> int:
        """Batches of each rank in one epoch of the training."""

    def __iter__(self) -> Iterator[EpochIndex]:
        """Yield this rank's indices of the epoch, from :attr:`start` on."""
        size = self.batch_size
        first, skipped = divmod(self.start, size)
        used = [part for part, count in enumerate(self.counts) if count]
        streams = {part: self._stream(part, first) for part in used}
        for batch in range(first, self.num_batches):
            indices = [next(streams[p]) for p in used for _ in range(self.counts[p])]
            yield from indices[skipped if batch == first else 0 :]

    def __len__(self) -> int:
        """Samples of this rank in an epoch, whatever :attr:`start` is."""
        return self.num_batches * self.batch_size

    def set_epoch(self, epoch: int) -> None:
        """Select the epoch of the next iteration, to be visited from its beginning."""
        self.epoch = epoch
        self.start = 0

    def _stream(self, number: int, batch: int) -> Iterator[EpochIndex]:
        """Yield this rank's indices of one part, from a batch of the epoch on."""
        part, per_batch = self.parts[number], self.counts[number]
        batch += self.epoch * self.num_batches
        epoch, order = -1, []
        while True:
            position = (batch * self.world_size + self.rank) * per_batch
            for place in range(position, position + per_batch):
                if place // len(part) != epoch:
                    epoch = place // len(part)
                    order = _draw_order(self, len(part), epoch, number)
                yield EpochIndex(part[order[place % len(part)]], epoch)
            batch += 1


@DATA_SAMPLERS.register_module()
class LabelledRatioSampler(PartsSampler):
    """Batches with a fixed number of labelled samples, the rest without labels.

    An epoch of the training has as many batches as pass over the labelled samples once.

    Args:
        dataset: Usually a :class:`ConcatDataset` of labelled parts and
            :class:`UnlabelledTopdownDataset`; a part is labelled unless its attribute
            ``labelled`` says no.
        labelled_per_batch: Labelled samples in each batch of each rank.
        shuffle: Draw each part in random order.
        seed: Seed of all shuffles, equal on every rank; None draws and shares one.

    Raises:
        ConfigError: A part is missing, or ``labelled_per_batch`` leaves it no place.
    """

    def __init__(
        self,
        dataset: Sized,
        labelled_per_batch: int,
        shuffle: bool = True,
        seed: int | None = None,
    ) -> None:
        is_labelled = _find_labelled(dataset)
        parts = np.flatnonzero(is_labelled), np.flatnonzero(~is_labelled)
        super().__init__(dataset, parts, shuffle, seed)
        sizes = [len(part) for part in parts]
        if not all(sizes):
            raise ConfigError(
                'LabelledRatioSampler needs samples with and without labels, got '
                f'{sizes[0]} and {sizes[1]}: use DefaultSampler for one kind'
            )
        if labelled_per_batch < 1:
            raise ConfigError(f'labelled_per_batch must be at least 1, got {labelled_per_batch}')
        self.labelled_per_batch = labelled_per_batch

    def _share(self, size: int) -> list[int]:
        """Divide the ``size`` samples of a batch among the parts."""
        if not self.labelled_per_batch < size:
            raise ConfigError(
                f'labelled_per_batch must be below the batch size {size} to leave room for '
                f'samples without labels, got {self.labelled_per_batch}'
            )
        return [self.labelled_per_batch, size - self.labelled_per_batch]

    @property
    def num_batches(self) -> int:
        """Batches of each rank in one epoch of the training."""
        return -(-len(self.parts[0]) // (self.labelled_per_batch * self.world_size))


@DATA_SAMPLERS.register_module()
class MultiSourceSampler(PartsSampler):
    """Batches in which each source has a fixed share.

    Differs from MMPose's: exact after a resume; an epoch of the training has as many samples as all
    sources together, and what the shares leave over by rounding goes to those that lost most.

    Args:
        dataset: A :class:`CombinedDataset` or :class:`ConcatDataset`, or a data set that wraps one;
            its parts are the sources.
        source_ratio: Share of each source in a batch, in any unit; 0 leaves a source out.
        batch_size: Samples per batch of each rank; None: as the data loader has it.
        shuffle: Draw each source in random order.
        round_up: Kept for MMPose's configs; the last batch of an epoch is always complete.
        seed: Seed of all shuffles, equal on every rank; None draws and shares one.

    Raises:
        ConfigError: The data set has no parts, not one ratio belongs to each, a ratio is negative
            or all are 0, or a batch has no room for a source.
    """

    def __init__(
        self,
        dataset: Sized,
        source_ratio: Sequence[float],
        batch_size: int | None = None,
        shuffle: bool = True,
        round_up: bool = True,
        seed: int | None = None,
    ) -> None:
        ends = np.cumsum([0, *_find_sizes(dataset)])
        if len(source_ratio) != len(ends) - 1:
            raise ConfigError(
                f'source_ratio must have one entry for each of the {len(ends) - 1} sources of '
                f'{type(dataset).__name__}, got {list(source_ratio)}'
            )
        if min(source_ratio) < 0 or not sum(source_ratio) > 0:
            raise ConfigError(f'source_ratio must be shares of a batch, got {list(source_ratio)}')
        parts = [np.arange(start, stop) for start, stop in pairwise(ends.tolist())]
        super().__init__(dataset, parts, shuffle, seed)
        self.source_ratio = [float(ratio) for ratio in source_ratio]
        self._given_size = batch_size
        if batch_size is not None:
            self.batch_size = batch_size

    def _share(self, size: int) -> list[int]:
        """Divide the ``size`` samples of a batch among the sources."""
        if self._given_size not in (None, size):
            raise ConfigError(
                f'batch_size of the sampler must equal that of the data loader, {size}, got '
                f'{self._given_size}: leave it out'
            )
        exact = np.array(self.source_ratio) * size / sum(self.source_ratio)
        counts = np.floor(exact + 1e-9).astype(int)
        lost = np.argsort(counts - exact, kind='stable')
        counts[lost[: size - counts.sum()]] += 1
        lacking = [i for i, ratio in enumerate(self.source_ratio) if ratio and not counts[i]]
        if lacking:
            raise ConfigError(
                f'a batch of {size} must have room for each source, got none for sources '
                f'{lacking} of source_ratio {self.source_ratio}: use larger batches'
            )
        return counts.tolist()

    @property
    def num_batches(self) -> int:
        """Batches of each rank in one epoch of the training."""
        return -(-len(self.dataset) // (self.batch_size * self.world_size))


def _find_sizes(dataset: Sized) -> list[int]:
    """Return the number of samples of each part of ``dataset``, or of what it wraps one to one."""
    ends = getattr(dataset, 'cumulative_sizes', None)
    if ends is not None:
        return np.diff([0, *ends]).tolist()
    inner = getattr(dataset, 'dataset', None)
    if not isinstance(inner, Dataset) or len(inner) != len(dataset):
        raise ConfigError(
            'MultiSourceSampler needs a data set of several sources, such as CombinedDataset, got '
            f'{type(dataset).__name__}'
        )
    return _find_sizes(inner)


def _find_labelled(dataset: Sized) -> np.ndarray:
    """Tell which samples have labels (N,), asking the parts of concatenations and repetitions."""
    parts = getattr(dataset, 'datasets', None)
    if parts is not None:
        return np.concatenate([_find_labelled(part) for part in parts])
    inner = getattr(dataset, 'dataset', None)
    if isinstance(inner, Dataset):
        return np.resize(_find_labelled(inner), len(dataset))
    return np.full(len(dataset), getattr(dataset, 'labelled', True))
