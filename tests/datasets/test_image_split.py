"""Two parts of a data set without a common image."""

import numpy as np
import pytest
from tiny_data import write_people

from posenas.datasets import CocoDataset, EpochIndex
from posenas.datasets.image_split import split_by_image
from posenas.utils import ConfigError


@pytest.fixture(scope='module')
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp('people')
    return CocoDataset(ann_file=str(write_people(folder)), data_prefix=dict(img=str(folder)))


def images_of(part):
    return [part.dataset.get_data_info(int(i))['img_id'] for i in part.indices]


@pytest.mark.parametrize('contiguous', [False, True])
@pytest.mark.parametrize('ratio', [0.25, 0.5, 0.7])
def test_parts_share_no_image_and_together_are_the_whole(people, ratio, contiguous):
    first, second = split_by_image(people, ratio, contiguous=contiguous)
    assert not set(images_of(first)) & set(images_of(second))
    assert sorted([*first.indices, *second.indices]) == list(range(len(people)))
    assert len(first)
    assert len(second)


def test_the_seed_chooses_the_images(people):
    parts = [tuple(split_by_image(people, 0.5, seed)[1].indices) for seed in range(8)]
    assert parts[0] == tuple(split_by_image(people, 0.5, 0)[1].indices)
    assert len(set(parts)) > 1


def test_a_contiguous_split_keeps_the_order_of_the_file(people):
    first, second = split_by_image(people, 0.5, contiguous=True)
    assert first.indices.max() < second.indices.min()


def test_samples_of_a_part_learn_their_epoch(people):
    part = split_by_image(people, 0.5)[1]
    draws = []
    people.pipeline = [lambda sample: sample['rng'].random()]
    try:
        for epoch in (0, 1):
            whole = people[EpochIndex(part.indices[0], epoch)]
            assert part[EpochIndex(0, epoch)] == whole
            draws.append(whole)
    finally:
        people.pipeline = []
    assert draws[0] != draws[1]
    assert part.metainfo == people.metainfo


def test_impossible_splits_are_refused(people):
    for ratio in (0, 1, 1e-9):
        with pytest.raises(ConfigError, match=r'arch_ratio|image_subset'):
            split_by_image(people, ratio)
    with pytest.raises(ConfigError, match='arch_dataloader'):
        split_by_image(np.zeros(3), 0.5)
