"""Persons without labels, and batches that mix them with labelled ones."""

import json

import numpy as np
import pytest
from tiny_data import write_boxes, write_mpii_people

from posenas.datasets import (
    CocoDataset,
    EpochIndex,
    LspDataset,
    MpiiDataset,
    UnlabelledTopdownDataset,
)
from posenas.utils.errors import DataError

CODECS = [
    dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1),
    dict(type='UDPHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1),
    dict(type='MegviiHeatmap', input_size=(48, 64), heatmap_size=(12, 16), kernel_size=5),
    dict(type='PNFSHeatmap', input_size=(48, 64), heatmap_size=(12, 16)),
]


def pipeline(codec):
    return [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='RandomFlip'),
        dict(type='RandomHalfBody', prob=1.0, min_total_keypoints=0),
        dict(type='RandomBBoxTransform'),
        dict(type='TopdownAffine', input_size=(48, 64)),
        dict(type='GenerateTarget', encoder=codec, use_dataset_keypoint_weights=True),
        dict(type='PackPoseInputs', meta_keys=('id',)),
    ]


def make(people, **kwargs):
    return UnlabelledTopdownDataset('people.json', data_root=str(people), **kwargs)


@pytest.mark.parametrize('codec', CODECS, ids=lambda codec: codec['type'])
def test_targets_and_weights_are_zero_and_the_sample_says_so(people, codec):
    dataset = make(people, pipeline=pipeline(codec))
    for index in range(len(dataset)):
        sample = dataset[EpochIndex(index, 2)]
        packed = sample['data_samples']
        assert packed.metainfo['labelled'] is False
        assert not packed.gt_fields.heatmaps.any()
        assert not packed.gt_instance_labels.keypoint_weights.any()
        assert sample['inputs'].any()


def test_labelled_samples_carry_no_mark(people):
    dataset = CocoDataset('people.json', data_root=str(people))
    assert 'labelled' not in dataset[0]


def test_boxes_of_an_annotation_file_are_those_of_the_labelled_data_set(people):
    labelled = CocoDataset('people.json', data_root=str(people))
    for image_subset in (None, dict(stop=0.5)):
        first = make(people, image_subset=image_subset).persons
        second = CocoDataset(
            'people.json', data_root=str(people), image_subset=image_subset
        ).persons
        np.testing.assert_array_equal(first.bboxes, second.bboxes)
        np.testing.assert_array_equal(first.ids, second.ids)
    assert not make(people).persons.keypoints.any()
    assert labelled.persons.keypoints.any()


def test_labels_are_not_needed(people, rewrite):
    def drop_labels(data):
        for number, person in enumerate(data['annotations']):
            del person['keypoints'], person['num_keypoints']
            person['iscrowd'] = int(number == 0)

    path = rewrite(drop_labels)
    dataset = UnlabelledTopdownDataset(str(path))
    assert dataset.persons.ids.tolist() == [2, 3, 4, 5, 6]


def test_persons_without_keypoints_count(people, rewrite):
    def unlabel(data):
        data['annotations'][0].update(num_keypoints=0, keypoints=[0] * 51)

    assert len(UnlabelledTopdownDataset(str(rewrite(unlabel)))) == 6


def test_detections_come_with_a_least_score(people):
    boxes = people / 'boxes.json'
    write_boxes(people / 'people.json', boxes)
    content = json.loads(boxes.read_text())
    for number, box in enumerate(content):
        box['score'] = number / 10
    boxes.write_text(json.dumps(content))
    dataset = make(people, bbox_file=str(boxes), filter_cfg=dict(bbox_score_thr=0.3))
    assert dataset.persons.bbox_scores.tolist() == pytest.approx([0.3, 0.4, 0.5])
    assert dataset[0]['img_path'] == str(people / '004.jpg')


@pytest.mark.parametrize('with_joints', [True, False])
def test_files_of_mpii_give_the_published_boxes(tmp_path, with_joints):
    file = write_mpii_people(tmp_path)
    labelled = MpiiDataset(str(file))
    if not with_joints:
        content = json.loads(file.read_text())
        file.write_text(
            json.dumps([{k: p[k] for k in ('image', 'center', 'scale')} for p in content])
        )
    dataset = UnlabelledTopdownDataset(str(file), layout='mpii')
    np.testing.assert_array_equal(dataset.persons.bboxes, labelled.persons.bboxes)
    assert dataset.metainfo == labelled.metainfo
    assert not dataset[0]['keypoints_visible'].any()


def test_the_skeleton_is_that_of_the_labelled_part(tmp_path):
    from tiny_data import write_people

    file = str(write_people(tmp_path, skeleton='lsp'))
    assert UnlabelledTopdownDataset(file).metainfo == LspDataset(file).metainfo


@pytest.mark.parametrize(
    ('arguments', 'match'),
    [
        (dict(test_mode=True), 'test_mode must be False'),
        (dict(layout='mpii', bbox_file='boxes.json'), "needs layout='coco'"),
        (dict(layout='voc'), 'layout'),
    ],
)
def test_what_cannot_mean_anything_is_refused(people, arguments, match):
    with pytest.raises(ValueError, match=match):
        make(people, **arguments)


def test_a_file_of_images_needs_boxes(people, rewrite):
    with pytest.raises(DataError, match='give bbox_file'):
        UnlabelledTopdownDataset(str(rewrite(lambda data: data.pop('annotations') and None)))
