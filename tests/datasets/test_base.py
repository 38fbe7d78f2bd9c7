import copy
import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from posenas.datasets import CocoDataset, CrowdPoseDataset, EpochIndex, LspDataset
from posenas.skeletons import COCO
from posenas.utils.errors import ConfigError, DataError
from posenas.utils.randomness import SCHEME, Stream, make_generator

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
CROP = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
PACK = [dict(type='TopdownAffine', input_size=(48, 64)), dict(type='PackPoseInputs')]
TRAIN = [
    *CROP,
    dict(type='RandomFlip'),
    dict(type='RandomHalfBody', prob=0.5),
    dict(type='RandomBBoxTransform'),
    PACK[0],
    dict(type='GenerateTarget', encoder=CODEC),
    dict(type='PhotometricDistortion'),
    PACK[1],
]


def make(people, pipeline=TRAIN, **kwargs):
    return CocoDataset('people.json', data_root=str(people), pipeline=pipeline, **kwargs)


def content(sample):
    """Everything random in a packed sample, as bytes."""
    packed = sample['data_samples']
    return (
        sample['inputs'].numpy().tobytes(),
        packed.gt_fields.heatmaps.numpy().tobytes(),
        packed.gt_instances.keypoints.tobytes(),
        packed.input_center.tobytes(),
    )


def test_a_sample_has_the_documented_keys(people):
    sample = make(people, ()).get_data_info(2)
    assert sample['img_path'] == str(people / '003.jpg')
    assert (sample['img_id'], sample['id'], sample['category_id']) == (3, 3, 1)
    assert sample['bbox'].shape == (1, 4)
    assert sample['bbox_score'].tolist() == [1]
    assert sample['keypoints'].shape == (1, 17, 2)
    assert sample['keypoints_visible'].tolist() == [[1] * 17]
    assert {sample[key].dtype.name for key in ('bbox', 'keypoints', 'bbox_score')} == {'float32'}
    assert sample['flip_indices'] == list(COCO.flip_indices)
    assert sample['dataset_keypoint_weights'].tolist() == pytest.approx(COCO.joint_weights)
    assert sample['dataset_name'] == 'coco'
    assert sample['area'] > 0
    assert 'raw_ann_info' not in sample


def test_changing_a_sample_leaves_the_dataset_alone(people):
    dataset = make(people, ())
    sample = dataset[0]
    for key in ('bbox', 'keypoints', 'keypoints_visible', 'bbox_score'):
        sample[key] += 100
    again = dataset[0]
    assert all((again[key] < sample[key]).all() for key in ('bbox', 'keypoints'))


def test_test_samples_carry_their_annotation(people):
    import json

    annotation = json.loads((people / 'people.json').read_text())['annotations'][1]
    raw = make(people, (), test_mode=True)[1]['raw_ann_info']
    assert raw == annotation


def test_a_packed_training_sample_has_inputs_and_targets(people):
    sample = make(people)[0]
    assert sample['inputs'].shape == (3, 64, 48)
    assert sample['inputs'].dtype == torch.uint8
    assert sample['data_samples'].gt_fields.heatmaps.shape == (17, 16, 12)
    assert sample['data_samples'].gt_instance_labels.keypoint_weights.shape == (1, 17)


def test_a_sample_depends_on_seed_epoch_and_index_alone(people):
    dataset, other = make(people), make(people)
    first = content(dataset[EpochIndex(1, 3)])
    dataset[2]
    assert content(dataset[EpochIndex(1, 3)]) == first == content(other[EpochIndex(1, 3)])
    assert content(dataset[EpochIndex(1, 4)]) != first
    other.seed = 1
    assert content(other[EpochIndex(1, 3)]) != first


def test_global_generators_do_not_matter_and_stay_untouched(people):
    dataset = make(people)
    first = content(dataset[0])
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    states = random.getstate(), np.random.get_state()[1].tobytes(), torch.get_rng_state()  # noqa: NPY002
    assert content(dataset[0]) == first
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tobytes() == states[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])


@pytest.mark.parametrize('seed', [0, 7, 2**31, 2**32 - 1, 2**32, 2**70])
def test_the_generator_is_seeded_by_seed_epoch_and_index(people, seed):
    dataset = make(people, ())
    dataset.seed = seed
    drawn = dataset[EpochIndex(4, 3)]['rng'].random(5)
    np.testing.assert_array_equal(drawn, make_generator(Stream.SAMPLE, seed, 3, 4).random(5))


class GlobalNoise:
    """A transform of someone else, which draws from the global generators."""

    def __call__(self, results):
        results['noise'] = (random.random(), float(np.random.random()), torch.rand(1).item())  # noqa: NPY002, S311
        return results


def test_transforms_of_others_are_seeded_per_sample_and_leave_no_trace(people):
    dataset = make(people, [GlobalNoise()])
    random.seed(1)
    before = random.getstate()
    first = dataset[EpochIndex(0, 0)]['noise']
    assert random.getstate() == before
    random.seed(2)
    assert dataset[EpochIndex(0, 0)]['noise'] == first
    assert dataset[EpochIndex(0, 1)]['noise'] != first
    assert len(set(first)) == 3


@pytest.mark.parametrize('context', ['fork', 'spawn'])
def test_samples_do_not_depend_on_the_number_of_workers(people, context):
    dataset = make(people)
    order = [EpochIndex(index, 1) for index in (3, 0, 5, 1, 4, 2)]
    expected = [content(dataset[index]) for index in order]
    loader = DataLoader(
        dataset,
        batch_size=None,
        sampler=order,
        num_workers=2 if context == 'fork' else 1,
        multiprocessing_context=context,
    )
    assert [content(sample) for sample in loader] == expected


def test_replacing_a_bad_sample_is_deterministic_and_noted(people):
    (people / '002.jpg').write_bytes(b'')
    dataset, other = make(people), make(people)
    replaced = dataset[EpochIndex(1, 0)]
    assert content(replaced) == content(other[EpochIndex(1, 0)])
    assert replaced['data_samples'].id != 2
    assert dataset.bad_samples == (dict(index=1, id=2, img_path=str(people / '002.jpg')),)
    drawn = {dataset[EpochIndex(1, epoch)]['data_samples'].id for epoch in range(12)}
    assert len(drawn) > 2


def test_workers_report_bad_samples(people):
    (people / '004.jpg').unlink()
    dataset = make(people)
    samples = list(DataLoader(dataset, batch_size=None, num_workers=2))
    assert len(samples) == 6
    assert [bad['id'] for bad in dataset.bad_samples] == [4]


def test_test_mode_marks_bad_samples_and_keeps_their_number(people):
    (people / '004.jpg').write_bytes(b'no image')
    dataset = make(people, [*CROP, *PACK], test_mode=True)
    samples = [sample['data_samples'] for sample in DataLoader(dataset, batch_size=None)]
    assert [sample.id for sample in samples] == [1, 2, 3, 4, 5, 6]
    marked = [sample.id for sample in samples if 'bad_sample' in sample]
    assert marked == [4]
    assert '004.jpg' in samples[3].bad_sample
    assert dataset[3]['inputs'].max() == 0
    assert samples[3].ori_shape == samples[0].ori_shape


def test_skipping_in_training_delivers_nothing_to_learn(people):
    (people / '004.jpg').unlink()
    sample = make(people, bad_sample_policy='skip')[3]['data_samples']
    assert 'bad_sample' in sample
    assert sample.gt_instance_labels.keypoint_weights.max() == 0
    assert sample.gt_fields.heatmaps.max() == 0


def test_failing_at_a_bad_sample_names_the_file(people):
    (people / '004.jpg').unlink()
    dataset = make(people, bad_sample_policy='fail')
    with pytest.raises(DataError, match=r'004\.jpg'):
        dataset[3]


def test_a_dataset_of_bad_samples_gives_up(people):
    for path in people.glob('*.jpg'):
        path.unlink()
    with pytest.raises(DataError, match='5 samples taken in place'):
        make(people, max_refetch=5)[0]


def test_a_transform_that_finds_nothing_makes_the_sample_bad(people):
    (people / '004.jpg').unlink()
    pipeline = [dict(type='LoadImage', ignore_empty=True), *TRAIN[1:]]
    with pytest.raises(DataError, match='LoadImage found nothing'):
        make(people, pipeline, bad_sample_policy='fail')[3]


def test_indices_choose_samples(people):
    assert [make(people, (), indices=2)[i]['id'] for i in range(2)] == [1, 2]
    assert make(people, (), indices=[4, 0])[0]['id'] == 5
    assert [s['id'] for s in make(people, (), sample_interval=2)] == [1, 3, 5]
    assert len(make(people, (), indices=100)) == 6
    assert make(people, (), indices=-2)[0]['id'] == 5
    order = [5, 3, 4, 0, 2, 1]
    assert [s['id'] - 1 for s in make(people, (), indices=order)] == order
    with pytest.raises(ConfigError, match='within the 6 samples, got 0 to 6'):
        make(people, (), indices=[0, 6])


def test_positions_outside_are_refused_and_negative_ones_count_from_the_end(people):
    dataset = make(people, ())
    assert dataset[-1]['id'] == 6
    for index in (6, -7):
        with pytest.raises(IndexError, match='within the 6'):
            dataset[index]


def test_lazy_init_reads_nothing_until_asked(tmp_path):
    dataset = CocoDataset(str(tmp_path / 'absent.json'), lazy_init=True)
    assert dataset.metainfo['dataset_name'] == 'coco'
    with pytest.raises(DataError, match=r'absent\.json'):
        len(dataset)


@pytest.mark.parametrize(
    ('kwargs', 'text'),
    [
        (dict(data_mode='bottomup'), 'topdown'),
        (dict(bbox_file='boxes.json'), 'test_mode'),
        (dict(filter_cfg=dict(bbox_thr=0.3)), 'bbox_score_thr'),
        (dict(bad_sample_policy='ignore'), 'bad_sample_policy'),
        (dict(metainfo=dict(dataset_name='dog')), 'skeleton'),
    ],
)
def test_arguments_that_mean_nothing_are_refused(people, kwargs, text):
    with pytest.raises(ValueError, match=text):
        make(people, (), **kwargs)


def test_metainfo_overrides_the_file(people):
    dataset = make(people, (), metainfo=dict(from_file='configs/_base_/datasets/posetrack18.py'))
    assert dataset.metainfo['keypoint_id2name'][1] == 'head_bottom'
    with pytest.raises(DataError, match='42 finite numbers'):
        make(people, (), metainfo=dict(dataset_name='crowdpose'))


def test_config_errors_inside_the_pipeline_are_not_bad_samples(people):
    pipeline = [*CROP, dict(type='TopdownAffine', input_size=(64, 64)), TRAIN[6]]
    with pytest.raises(ConfigError, match='input_size of the codec'):
        make(people, pipeline)[0]


@pytest.mark.parametrize(('kind', 'num_joints'), [(LspDataset, 14), (CrowdPoseDataset, 14)])
def test_other_datasets_bring_their_skeleton(kind, num_joints):
    assert kind('absent.json', lazy_init=True).metainfo['num_keypoints'] == num_joints


def test_a_copied_dataset_prepares_the_same_samples(people):
    dataset = make(people)
    assert content(copy.deepcopy(dataset)[2]) == content(dataset[2])


@pytest.mark.parametrize(
    ('kind', 'arguments', 'count'),
    [
        (
            LspDataset,
            dict(
                data_root='lspet',
                ann_file='annotations/lspet_train.json',
                data_prefix=dict(img='images/train/'),
            ),
            7823,
        ),
        (
            CocoDataset,
            dict(
                data_root='coco_mini',
                ann_file='annotations/person_keypoints_val2017.json',
                data_prefix=dict(img='val2017/'),
            ),
            113,
        ),
        (
            CocoDataset,
            dict(
                data_root='posetrack18_mini',
                ann_file='annotations/test_posetrack18_val.json',
            ),
            14,
        ),
        (CrowdPoseDataset, dict(data_root='crowdpose_mini', ann_file='test_crowdpose.json'), 4),
        (CocoDataset, dict(data_root='jhmdb_mini', ann_file='test_jhmdb_sub1.json'), 3),
    ],
)
def test_real_photos_are_read(shared_dir, kind, arguments, count):
    root = str(shared_dir / 'data' / arguments['data_root'])
    dataset = kind(**{**arguments, 'data_root': root, 'pipeline': TRAIN})
    assert len(dataset) == count
    sample = dataset[EpochIndex(len(dataset) - 1, 2)]
    assert not dataset.bad_samples
    assert sample['inputs'].float().std() > 5


def test_views_repeat_and_say_which_they_are(people):
    dataset = make(people, num_views=2)
    packed = [dataset[EpochIndex(1, epoch)] for epoch in range(4)]
    assert content(packed[0]) == content(packed[2]) != content(packed[1]) == content(packed[3])
    marks = [sample['data_samples'].metainfo['view'] for sample in packed]
    assert [(index, view) for _, index, view in marks] == [(1, 0), (1, 1), (1, 0), (1, 1)]
    assert 'view' not in make(people)[0]['data_samples'].metainfo


def test_the_digest_of_views_tells_what_samples_depend_on(people, monkeypatch):
    def digest(seed=0, **kwargs):
        dataset = make(people, **{'num_views': 1, **kwargs})
        dataset.seed = seed
        return dataset[0]['data_samples'].metainfo['view'][0]

    first = digest()
    assert digest() == digest(num_views=3) == first
    longer = [*TRAIN[:-1], dict(type='PhotometricDistortion', hue_delta=1), TRAIN[-1]]
    others = {digest(1), digest(pipeline=longer), digest(indices=3), digest(generation='0.x')}
    monkeypatch.setattr('posenas.datasets.base.SCHEME', SCHEME + 1)
    assert len({first, *others, digest()}) == 6


def test_a_sample_in_place_of_a_bad_one_has_no_view(people):
    (people / '002.jpg').write_bytes(b'')
    dataset = make(people, num_views=2)
    assert 'view' not in dataset[1]['data_samples'].metainfo
    assert 'view' in dataset[2]['data_samples'].metainfo


@pytest.mark.parametrize(
    ('arguments', 'match'), [(dict(num_views=0), 'num_views'), (dict(pipeline=[len]), 'configs')]
)
def test_impossible_views_are_refused(people, arguments, match):
    with pytest.raises(ValueError, match=match):
        make(people, **{'num_views': 1, **arguments})
