"""The data sets of MMPose 1.x that are COCO's layout, by name."""

import json

import numpy as np
import pytest
from tiny_data import write_people

from posenas.datasets import COCO_STYLE, CocoStyleDataset
from posenas.registry import DATASETS
from posenas.skeletons import get_skeleton
from posenas.utils import DataError

#: Entry of COCO-WholeBody's annotations -> keypoints.
PARTS = dict(keypoints=17, foot_kpts=6, face_kpts=68, lefthand_kpts=21, righthand_kpts=21)


@pytest.mark.parametrize('name', sorted(COCO_STYLE))
def test_a_data_set_is_built_by_its_name_with_its_skeleton(name):
    dataset = DATASETS.build(dict(type=name, ann_file='unread.json', lazy_init=True))
    assert isinstance(dataset, CocoStyleDataset)
    assert dataset.skeleton == get_skeleton(type(dataset).METAINFO['dataset_name'])


def test_the_parts_of_a_data_set_have_skeletons_of_their_own():
    def count(subset):
        settings = dict(type='DeepFashionDataset', subset=subset, lazy_init=True)
        return DATASETS.build(settings).skeleton.num_joints

    assert [count(subset) for subset in ('', 'full', 'upper', 'lower')] == [8, 8, 6, 4]


@pytest.fixture
def whole_body(tmp_path):
    """An annotation file as COCO-WholeBody writes it: two people, one without a left hand."""
    file = write_people(tmp_path, num_images=2)
    content = json.loads(file.read_text())
    for number, record in enumerate(content['annotations']):
        for place, (key, count) in enumerate(PARTS.items()):
            if key != 'keypoints':
                record[key] = [v for i in range(count) for v in (place * 10 + i / 9, 5, 2)]
        for part in ('face', 'lefthand', 'righthand', 'foot'):
            record[f'{part}_valid'] = part != 'lefthand' or number == 0
            record[f'{part}_box'] = [10, 5, 30, 20]
    file.write_text(json.dumps(content))
    return file


def build(name, file):
    return DATASETS.build(dict(type=name, ann_file=str(file), data_prefix=dict(img=file.parent)))


def test_a_whole_body_is_all_its_parts_one_after_another(whole_body):
    sample = build('CocoWholeBodyDataset', whole_body).get_data_info(0)
    assert sample['keypoints'].shape == (1, 133, 2)
    starts = np.cumsum([0, *PARTS.values()])[1:-1]
    assert sample['keypoints'][0, starts, 0].tolist() == [10, 20, 30, 40]


def test_hands_and_faces_of_a_whole_body_are_samples_in_boxes_of_their_own(whole_body):
    hands = build('CocoWholeBodyHandDataset', whole_body)
    assert len(hands) == 3
    assert hands.get_data_info(0)['keypoints'][0, 0].tolist() == [30, 5]
    assert hands.get_data_info(0)['bbox'].tolist() == [[10, 5, 40, 25]]
    assert len(build('CocoWholeBodyFaceDataset', whole_body)) == 2


def test_a_valid_part_without_keypoints_is_refused(whole_body):
    content = json.loads(whole_body.read_text())
    del content['annotations'][1]['face_kpts']
    whole_body.write_text(json.dumps(content))
    with pytest.raises(DataError, match='must have face_kpts and face_box'):
        build('CocoWholeBodyFaceDataset', whole_body)
    with pytest.raises(DataError, match='399 finite numbers'):
        build('CocoWholeBodyDataset', whole_body)


def test_hands_of_halpe_are_cut_out_of_its_136_keypoints(tmp_path):
    file = write_people(tmp_path, skeleton='halpe', num_images=1)
    hands = build('HalpeHandDataset', file)
    points = np.reshape(json.loads(file.read_text())['annotations'][0]['keypoints'], (-1, 3))
    assert len(hands) == 2
    np.testing.assert_allclose(hands.get_data_info(1)['keypoints'][0], points[115:, :2], rtol=1e-5)
