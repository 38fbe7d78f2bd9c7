"""Mixed sources: one skeleton, weights as each source deserves them, shares that are kept."""

import json

import numpy as np
import pytest
from tiny_data import write_people

from posenas.datasets import (
    CocoDataset,
    CombinedDataset,
    EpochIndex,
    LspDataset,
    MultiSourceSampler,
    TaughtDataset,
)
from posenas.skeletons import get_skeleton, match_joints
from posenas.utils import ConfigError, DataError

COCO, LSP = get_skeleton('coco'), get_skeleton('lsp')
MAPPING = match_joints(LSP.joint_names, COCO.joint_names)
CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
TARGETS = [
    dict(type='LoadImage'),
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='TopdownAffine', input_size=(48, 64)),
    dict(type='GenerateTarget', encoder=CODEC),
]


def write_teacher(folder, scores, name='teacher.json'):
    """Write people with COCO's keypoints whose labels a teacher set, with ``scores`` (17,)."""
    path = write_people(folder, 'teacher', name, num_images=2)
    data = json.loads(path.read_text())
    for annotation in data['annotations']:
        joints = np.reshape(annotation['keypoints'], (17, 3)).astype(float)
        joints[np.array(scores) < 0.3] = 0  # as the teacher's file has them
        annotation.update(keypoints=joints.ravel().tolist(), keypoint_scores=list(scores))
    path.write_text(json.dumps(data))
    return path


def lsp_source(folder, **kwargs):
    path = write_people(folder, 'lsp', 'lsp.json', skeleton='lsp', num_images=3)
    return dict(ann_file=str(path), data_prefix=dict(img=str(folder / 'lsp')), **kwargs)


def test_keypoints_that_a_source_lacks_have_no_weight(tmp_path):
    convert = dict(type='KeypointConverter', num_keypoints=17, mapping=MAPPING)
    source = dict(type='LspDataset', **lsp_source(tmp_path, pipeline=[convert]))
    dataset = CombinedDataset(dict(dataset_name='coco'), [source], TARGETS)
    for epoch in range(4):  # mirrored or not
        sample = dataset[EpochIndex(0, epoch)]
        assert sample['flip_indices'] == list(COCO.flip_indices)
        assert sample['keypoint_weights'].sum() == 12
        assert (sample['keypoint_weights'][0, :5] == 0).all()
        assert sample['heatmaps'].shape == (17, 16, 12)


def test_a_teacher_counts_by_its_score_once_and_never_says_what_is_visible(tmp_path):
    scores = np.linspace(0.1, 0.9, 17).round(3)
    path = write_teacher(tmp_path, scores)
    dataset = TaughtDataset(str(path), data_prefix=dict(img=str(tmp_path / 'teacher')))
    sample = dataset[0]
    wanted = np.where(scores >= 0.3, scores, 0).astype(np.float32)
    np.testing.assert_array_equal(sample['label_scores'][0], wanted)
    np.testing.assert_array_equal(sample['keypoints_level'][0], wanted > 0)
    combined = CombinedDataset(dict(dataset_name='coco'), [dataset], TARGETS)
    for epoch in range(6):
        sample = combined[EpochIndex(0, epoch)]
        order = list(COCO.flip_indices) if sample['flip'] else range(17)
        np.testing.assert_array_equal(sample['keypoint_weights'][0], wanted[order])


def test_labels_of_annotators_win_over_the_teacher(tmp_path):
    scores = np.full(17, 0.5)
    scores[3] = 0.2
    teacher = write_teacher(tmp_path, scores)
    source = lsp_source(tmp_path, teacher_file=str(teacher), mapping=MAPPING, indices=2)
    data = json.loads((tmp_path / 'lsp.json').read_text())
    data['annotations'] = data['annotations'][:2]
    ankle = LSP.joint_names.index('right_ankle')
    data['annotations'][0]['keypoints'][3 * ankle : 3 * ankle + 3] = [0, 0, 0]
    (tmp_path / 'lsp.json').write_text(json.dumps(data))
    sample = TaughtDataset(**source)[0]
    weights = sample['label_scores'][0]
    assert weights[16] == 0.5  # nobody labelled the ankle
    assert weights[:5].tolist() == [0.5, 0.5, 0.5, 0, 0.5]
    assert (weights[5:16] == 1).all()
    human = np.reshape(data['annotations'][0]['keypoints'], (14, 3))
    own = json.loads(teacher.read_text())['annotations'][0]['keypoints']
    assert sample['keypoints'][0, 5].tolist() == human[9, :2].tolist()  # left shoulder
    assert sample['keypoints'][0, 0].tolist() == own[:2]


def test_uncertain_people_and_unknown_ones_are_not_taught(tmp_path):
    teacher = write_teacher(tmp_path, np.full(17, 0.35))
    source = lsp_source(tmp_path, teacher_file=str(teacher), mapping=MAPPING)
    with pytest.raises(DataError, match='got none with id 3'):
        TaughtDataset(**source)
    data = json.loads((tmp_path / 'lsp.json').read_text())
    data['annotations'] = data['annotations'][:2]
    (tmp_path / 'lsp.json').write_text(json.dumps(data))
    assert TaughtDataset(**source, min_mean_score=0.4)[0]['label_scores'].sum() == 12
    with pytest.raises(DataError, match='at least one person'):
        TaughtDataset(str(teacher), score_thr=0.4)


def numbers(size):
    """A source whose samples tell their place."""

    class Source:
        def full_init(self):
            pass

        def __len__(self):
            return size

        def __getitem__(self, index):
            keypoints = np.zeros((1, 17, 2))
            return dict(place=int(index), img_path='', dataset_name='', keypoints=keypoints)

    return Source()


def test_factors_thin_out_and_repeat_sources():
    dataset = CombinedDataset(
        dict(dataset_name='coco'), [numbers(10), numbers(4)], sample_ratio_factor=[0.5, 2]
    )
    assert dataset.cumulative_sizes == [5, 13]
    seen = [{dataset[EpochIndex(i, e)]['place'] for e in range(30)} for i in range(5)]
    assert seen == [{2 * i, 2 * i + 1} for i in range(5)]
    assert [dataset[i]['place'] for i in range(5, 13)] == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ('build', 'match'),
    [
        (lambda: CombinedDataset(dict(dataset_name='coco'), []), 'at least one'),
        (lambda: CombinedDataset(dict(dataset_name='coco'), [numbers(2)], (), [1, 1]), '1 sources'),
        (lambda: CombinedDataset(dict(dataset_name='mpii'), [numbers(2)])[0], 'KeypointConverter'),
    ],
)
def test_impossible_mixes_are_refused(build, match):
    with pytest.raises(ConfigError, match=match):
        build()


def test_plain_data_sets_are_sources_too(tmp_path):
    people = CocoDataset(str(write_people(tmp_path)), pipeline=())
    assert 'label_scores' not in people[0]
    lsp = LspDataset(**lsp_source(tmp_path))
    mixed = CombinedDataset(dict(dataset_name='coco'), [people])
    assert mixed[0]['img_path'] == people[0]['img_path']
    assert lsp[0]['keypoints'].shape == (1, 14, 2)


def shares(sampler, batch_size, size_of_first):
    """Count the samples of the first source in each batch."""
    sampler.batch_size = batch_size
    stream = list(sampler)
    batches = [stream[i : i + batch_size] for i in range(0, len(stream), batch_size)]
    return [sum(index < size_of_first for index in batch) for batch in batches]


def test_every_batch_has_the_shares_of_its_sources():
    dataset = CombinedDataset(dict(dataset_name='coco'), [numbers(30), numbers(8)])
    assert set(shares(MultiSourceSampler(dataset, [3, 1], seed=0), 8, 30)) == {6}
    assert set(shares(MultiSourceSampler(dataset, [1, 1], seed=0), 5, 30)) == {3}
    assert set(shares(MultiSourceSampler(dataset, [0, 1], seed=0), 5, 30)) == {0}
    sampler = MultiSourceSampler(dataset, [0.9, 0.1], batch_size=10, seed=0)
    assert len(sampler) == 40
    drawn = [int(index) for epoch in range(6) for index in (sampler.set_epoch(epoch), *sampler)[1:]]
    assert set(drawn) == set(range(38))


@pytest.mark.parametrize('start', [0, 3, 8, 21])
def test_shares_start_anywhere_in_an_epoch(start):
    dataset = CombinedDataset(dict(dataset_name='coco'), [numbers(30), numbers(8)])
    sampler = MultiSourceSampler(dataset, [3, 1], batch_size=8, seed=0)
    sampler.set_epoch(2)
    whole = [(int(index), index.epoch) for index in sampler]
    sampler.start = start
    assert [(int(index), index.epoch) for index in sampler] == whole[start:]


@pytest.mark.parametrize(
    ('ratio', 'size', 'match'),
    [
        ([1], 8, 'one entry for each of the 2 sources'),
        ([0, 0], 8, 'shares of a batch'),
        ([9, 1], 2, 'room for each source'),
    ],
)
def test_impossible_shares_are_refused(ratio, size, match):
    dataset = CombinedDataset(dict(dataset_name='coco'), [numbers(30), numbers(8)])
    with pytest.raises(ConfigError, match=match):
        MultiSourceSampler(dataset, ratio, size, seed=0)
