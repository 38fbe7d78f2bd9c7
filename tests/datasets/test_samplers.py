"""Samplers are functions of (seed, epoch, position)."""

import pickle
from collections import Counter
from itertools import islice

import pytest
from torch.utils.data import ConcatDataset, Dataset

from posenas.datasets import DefaultSampler, EpochIndex, InfiniteSampler, LabelledRatioSampler
from posenas.registry import DATA_SAMPLERS
from posenas.utils.errors import ConfigError

SEED = 7


def drawn(sampler, count=None):
    return [(int(index), index.epoch) for index in islice(iter(sampler), count)]


def on_rank(sampler, rank, world_size):
    sampler.rank, sampler.world_size = rank, world_size
    return sampler


def test_an_epoch_index_is_an_integer_that_survives_pickling():
    index = pickle.loads(pickle.dumps(EpochIndex(3, epoch=5)))  # noqa: S301
    assert index == 3
    assert index.epoch == 5
    assert [10, 11, 12, 13][index] == 13


@pytest.mark.parametrize('name', ['DefaultSampler', 'InfiniteSampler'])
def test_names_of_mmengine_resolve_to_our_samplers(name):
    assert DATA_SAMPLERS.get(name).__module__ == 'posenas.datasets.samplers'


def test_the_order_depends_on_seed_and_epoch_alone():
    first, second = (DefaultSampler(range(50), seed=SEED) for _ in range(2))
    second.set_epoch(1)
    assert drawn(second) != drawn(first)
    first.set_epoch(1)
    assert drawn(first) == drawn(second)
    assert drawn(DefaultSampler(range(50), seed=SEED + 1)) != drawn(
        DefaultSampler(range(50), seed=SEED)
    )


def test_seed_and_epoch_do_not_merge():
    shifted = DefaultSampler(range(50), seed=SEED)
    shifted.set_epoch(1)
    other = DefaultSampler(range(50), seed=SEED + 1)
    assert [index for index, _ in drawn(shifted)] != [index for index, _ in drawn(other)]


def test_without_shuffling_the_order_is_that_of_the_dataset():
    assert drawn(DefaultSampler(range(4), shuffle=False)) == [(0, 0), (1, 0), (2, 0), (3, 0)]


@pytest.mark.parametrize('start', [0, 1, 9, 10])
@pytest.mark.parametrize('epoch', [0, 3])
def test_the_default_sampler_starts_anywhere_in_an_epoch(start, epoch):
    sampler = DefaultSampler(range(10), seed=SEED)
    sampler.set_epoch(epoch)
    whole = drawn(sampler)
    sampler.start = start
    assert drawn(sampler) == whole[start:]
    assert len(sampler) == 10
    sampler.set_epoch(epoch)
    assert drawn(sampler) == whole


@pytest.mark.parametrize('start', [0, 1, 7, 8, 23])
def test_the_infinite_sampler_starts_anywhere_in_its_stream(start):
    sampler = InfiniteSampler(range(7), seed=SEED)
    whole = drawn(sampler, 40)
    sampler.start = start
    assert drawn(sampler, 40 - start) == whole[start:]


def test_the_infinite_stream_visits_every_sample_once_per_epoch():
    stream = drawn(InfiniteSampler(range(7), seed=SEED), 21)
    for epoch in range(3):
        assert sorted(stream[7 * epoch : 7 * epoch + 7]) == [(i, epoch) for i in range(7)]


@pytest.mark.parametrize(('size', 'world_size'), [(10, 2), (11, 2), (11, 4), (2, 4)])
@pytest.mark.parametrize('round_up', [True, False])
def test_ranks_share_an_epoch_without_overlap(size, world_size, round_up):
    ranks = [
        on_rank(DefaultSampler(range(size), seed=SEED, round_up=round_up), rank, world_size)
        for rank in range(world_size)
    ]
    streams = [drawn(sampler) for sampler in ranks]
    assert [len(stream) for stream in streams] == [len(sampler) for sampler in ranks]
    indices = [index for stream in streams for index, _ in stream]
    assert set(indices) == set(range(size))
    if round_up:
        assert len({len(stream) for stream in streams}) == 1
    else:
        assert len(indices) == size


@pytest.mark.parametrize('world_size', [2, 3, 9])
def test_ranks_share_the_infinite_stream_without_overlap(world_size):
    whole = drawn(InfiniteSampler(range(7), seed=SEED), 6 * world_size)
    for rank in range(world_size):
        sampler = on_rank(InfiniteSampler(range(7), seed=SEED), rank, world_size)
        assert drawn(sampler, 6) == whole[rank::world_size]


def test_an_empty_dataset_is_refused():
    with pytest.raises(ValueError, match='at least one sample'):
        DefaultSampler([])


class Part(Dataset):
    """A data set of numbers that may lack labels."""

    def __init__(self, size, labelled):
        self.size, self.labelled = size, labelled

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index


class Repetition(Dataset):
    """A data set that counts twice."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return 2 * len(self.dataset)


def mix(labelled=10, unlabelled=7):
    parts = [Part(4, True), Part(unlabelled, False), Part(labelled - 4, True)]
    return ConcatDataset(parts)


def ratio_sampler(rank=0, world_size=1, batch_size=5, dataset=None, **kwargs):
    sampler = LabelledRatioSampler(dataset or mix(), labelled_per_batch=2, seed=SEED, **kwargs)
    sampler.batch_size = batch_size
    return on_rank(sampler, rank, world_size)


def is_labelled(index):
    return not 4 <= index < 11


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_every_batch_has_its_share_of_labels(world_size):
    for rank in range(world_size):
        stream = drawn(ratio_sampler(rank, world_size))
        assert len(stream) == len(ratio_sampler(rank, world_size))
        batches = [stream[i : i + 5] for i in range(0, len(stream), 5)]
        for batch in batches:
            flags = [is_labelled(index) for index, _ in batch]
            assert flags == [True, True, False, False, False]


@pytest.mark.parametrize('world_size', [1, 2, 3])
def test_each_part_is_passed_over_evenly_by_all_ranks_together(world_size):
    draws = []
    for epoch in range(21):
        for rank in range(world_size):
            sampler = ratio_sampler(rank, world_size)
            sampler.set_epoch(epoch)
            draws += drawn(sampler)
    for kind in (True, False):
        part = [pair for pair in draws if is_labelled(pair[0]) == kind]
        size = 10 if kind else 7
        whole = len(part) // size
        counts = Counter(epoch for _, epoch in part)
        assert all(counts[epoch] == size for epoch in range(whole))
        assert len(set(part)) == len(part)


@pytest.mark.parametrize('start', [0, 1, 5, 12, 24, 25])
@pytest.mark.parametrize('epoch', [0, 3])
def test_the_ratio_sampler_starts_anywhere_in_an_epoch(start, epoch):
    sampler = ratio_sampler()
    sampler.set_epoch(epoch)
    whole = drawn(sampler)
    sampler.start = start
    assert drawn(sampler) == whole[start:]
    assert len(sampler) == 25


def test_parts_are_found_through_repetitions():
    dataset = ConcatDataset([Part(2, True), Repetition(Part(3, False))])
    sampler = LabelledRatioSampler(dataset, 1, seed=SEED)
    sampler.batch_size = 4
    assert {index for index, _ in drawn(sampler)} == set(range(8))


@pytest.mark.parametrize(
    ('build', 'match'),
    [
        (lambda: LabelledRatioSampler(Part(3, True), 1, seed=0), 'with and without labels'),
        (lambda: LabelledRatioSampler(mix(), 0, seed=0), 'at least 1'),
        (lambda: ratio_sampler(batch_size=2), 'below the batch size 2'),
        (lambda: len(LabelledRatioSampler(mix(), 1, seed=0)), 'must equal batch_size'),
    ],
)
def test_impossible_shares_are_refused(build, match):
    with pytest.raises(ConfigError, match=match):
        build()
