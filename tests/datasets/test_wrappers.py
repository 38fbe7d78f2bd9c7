import pytest
from mmengine.registry import DefaultScope
from torch.utils.data import Dataset

from posenas.datasets import EpochIndex
from posenas.datasets.wrappers import list_parts
from posenas.registry import DATASETS


@pytest.fixture
def build(people):
    """Function that builds a wrapper around the six people, whose crops are disturbed."""
    crop = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
    draws = [dict(type='RandomBBoxTransform', shift_prob=1.0)]
    pack = [dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]
    inner = dict(
        type='CocoDataset',
        ann_file='people.json',
        data_root=str(people),
        pipeline=[*crop, *draws, *pack],
    )

    def make(**wrapper):
        content = {key: value(inner) for key, value in wrapper.items() if callable(value)}
        with DefaultScope.overwrite_default_scope('posenas'):
            return DATASETS.build({**wrapper, **content})

    return make


def drawn(dataset, index, epoch):
    sample = dataset[EpochIndex(index, epoch)]['data_samples']
    return sample.id, tuple(sample.input_center.tolist())


def test_every_pass_of_a_repetition_draws_anew(build):
    dataset = build(type='RepeatDataset', times=3, dataset=lambda inner: inner)
    assert len(dataset) == 18
    visits = [drawn(dataset, index, epoch) for epoch in (0, 1) for index in (2, 8, 14)]
    assert {person for person, _ in visits} == {3}
    assert len({center for _, center in visits}) == 6
    assert visits[1] == drawn(dataset.dataset, 2, 1)
    assert visits[3] == drawn(dataset.dataset, 2, 3)


def test_joined_data_sets_know_the_epoch(build):
    dataset = build(type='ConcatDataset', datasets=lambda inner: [inner, inner])
    assert len(dataset) == 12
    assert drawn(dataset, 8, 0)[0] == 3
    assert drawn(dataset, 8, 0) != drawn(dataset, 8, 1)
    assert drawn(dataset, 8, 1) == drawn(dataset.datasets[1], 2, 1)


def test_wrappers_may_be_nested(build):
    repeated = dict(type='RepeatDataset', times=2)
    dataset = build(
        type='ConcatDataset', datasets=lambda inner: [inner, dict(repeated, dataset=inner)]
    )
    assert isinstance(dataset.datasets[1], Dataset)
    assert drawn(dataset, 12 + 2, 1) == drawn(dataset.datasets[1].dataset, 2, 3)


def test_inner_data_sets_are_found_without_a_default_scope(people):
    inner = dict(type='CocoDataset', ann_file=str(people / 'people.json'))
    repeated = dict(type='RepeatDataset', times=2, dataset=inner)
    assert len(DATASETS.build(dict(type='ConcatDataset', datasets=[inner, repeated]))) == 18


def test_the_parts_of_nested_wrappers_are_listed_as_they_are():
    first, second = dict(type='A'), dict(type='B')
    nested = dict(datasets=[first, dict(dataset=dict(datasets=[second]))])
    parts = list_parts(nested)
    assert [part['type'] for part in parts] == ['A', 'B']
    assert parts[1] is second
    assert list_parts(first)[0] is first
