import json

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from tiny_data import write_mpii_people

from posenas.datasets import MpiiDataset
from posenas.datasets.transforms import GetBBoxCenterScale
from posenas.utils import ConfigError, DataError


@pytest.fixture(scope='module')
def recorded(golden_dir):
    annotations = golden_dir / 'fpd' / 'pckh' / 'annot'
    return MpiiDataset(
        str(annotations / 'valid.json'),
        headbox_file=str(annotations / 'gt_valid.mat'),
        test_mode=True,
    )


def test_samples_are_those_of_the_published_loader(recorded, golden_dir):
    expected = json.loads((golden_dir / 'fpd' / 'pckh' / 'expected_db_first6.json').read_text())
    assert any(person['center'][0] == -2 for person in expected)
    for index, person in enumerate(expected):
        sample = GetBBoxCenterScale()(recorded.get_data_info(index))
        assert sample['img_path'].endswith(person['image'])
        assert sample['img_id'] == int(person['image'].split('.')[0])
        np.testing.assert_allclose(sample['bbox_center'][0], person['center'], rtol=1e-6)
        scale = 200 * np.array(person['scale'])
        np.testing.assert_allclose(sample['bbox_scale'][0], scale, rtol=1e-6)
        np.testing.assert_allclose(sample['keypoints'][0], person['joints'], rtol=1e-6)
        np.testing.assert_array_equal(sample['keypoints_visible'][0], person['joints_vis'])


def test_test_samples_carry_the_labels_they_are_judged_by(recorded, golden_dir):
    labels = loadmat(golden_dir / 'fpd' / 'pckh' / 'annot' / 'gt_valid.mat')
    for index in (0, 63):
        truth = recorded.get_data_info(index)['raw_ann_info']
        keypoints = np.reshape(truth['keypoints'], (16, 3))
        np.testing.assert_array_equal(keypoints[:, :2], labels['pos_gt_src'][:, :, index] - 1)
        np.testing.assert_array_equal(keypoints[:, 2], 1 - labels['jnt_missing'][:, index])
        np.testing.assert_array_equal(truth['head_box'], labels['headboxes_src'][:, :, index] - 1)
        assert truth['num_keypoints'] == keypoints[:, 2].sum()


def test_the_published_mix_up_of_flags_can_be_repeated(tmp_path, golden_dir):
    content = json.loads((golden_dir / 'pnfs' / 'pipeline' / 'expected.json').read_text())
    record, order = content['mpii_record'], content['mpii_to_internal_order']
    (tmp_path / 'people.json').write_text(json.dumps([record['annotation']]))
    expected = np.array(record['keypoints_original'])
    for legacy in (True, False):
        dataset = MpiiDataset(str(tmp_path / 'people.json'), legacy_visibility=legacy)
        sample = dataset.get_data_info(0)
        keypoints, visible = sample['keypoints'][0, order], sample['keypoints_visible'][0, order]
        np.testing.assert_array_equal(keypoints, expected[:, :2])
        assert (visible == expected[:, 2]).all() == legacy
        corners = np.add(record['bbox'], [0, 0, *record['bbox'][:2]])
        np.testing.assert_allclose(sample['bbox'][0], corners, rtol=1e-6, atol=1e-4)


def test_training_needs_no_head_boxes(tmp_path):
    dataset = MpiiDataset(str(write_mpii_people(tmp_path)), headbox_file='absent.mat')
    assert len(dataset) == 4
    assert 'raw_ann_info' not in dataset.get_data_info(0)


def test_a_file_without_joints_gives_persons_without_labels(tmp_path):
    file = write_mpii_people(tmp_path)
    people = json.loads(file.read_text())
    for person in people:
        del person['joints'], person['joints_vis']
    file.write_text(json.dumps(people))
    dataset = MpiiDataset(str(file), test_mode=True)
    sample = dataset.get_data_info(1)
    assert not sample['keypoints_visible'].any()
    assert 'raw_ann_info' not in sample


@pytest.mark.parametrize(
    ('names', 'expected'),
    [
        (['7.jpg', '9.jpg', '7.jpg'], [7, 9, 7]),
        (['7.jpg', '007.jpg', '9.jpg'], [0, 1, 2]),
        (['a.jpg', '9.jpg', 'a.jpg'], [0, 1, 0]),
    ],
)
def test_images_are_known_by_their_number_if_it_is_one(tmp_path, names, expected):
    file = write_mpii_people(tmp_path, num_images=3)
    people = json.loads(file.read_text())
    people = [dict(person, image=name) for person, name in zip(people, names, strict=True)]
    file.write_text(json.dumps(people))
    dataset = MpiiDataset(str(file))
    infos = [dataset.get_data_info(i) for i in range(3)]
    assert [info['img_id'] for info in infos] == expected
    assert [info['img_path'] for info in infos] == names
    assert [info['id'] for info in infos] == [0, 1, 2]


@pytest.mark.parametrize(
    ('key', 'value', 'match'),
    [
        ('joints', [[1, 2]] * 15, r'\[2\]\.joints must be a list of 16 pairs'),
        ('joints', [[1, 2]] * 15 + [[1]], r'\[2\]\.joints must be a list of 16 pairs'),
        ('joints', [[1, 2]] * 15 + [[1, 'x']], r'\[2\]\.joints must be a list of 32 finite'),
        ('joints', 3, r'\[2\]\.joints must be'),
        ('joints_vis', [1] * 15, r'\[2\]\.joints_vis must be a list of 16'),
        ('joints_vis', [-1] * 16, r'\[2\]\.joints_vis must hold 0 or 1'),
        ('center', [1], r'\[2\]\.center must be a list of 2'),
        ('scale', 'x', r'\[2\]\.scale must be a finite number'),
        ('image', 3, r'\[2\]\.image must be a string'),
    ],
)
def test_malformed_records_are_named(tmp_path, key, value, match):
    file = write_mpii_people(tmp_path)
    people = json.loads(file.read_text())
    people[2][key] = value
    file.write_text(json.dumps(people))
    with pytest.raises(DataError, match=match):
        MpiiDataset(str(file))


def test_a_person_without_joints_among_others_is_named(tmp_path):
    file = write_mpii_people(tmp_path)
    people = json.loads(file.read_text())
    del people[3]['joints']
    file.write_text(json.dumps(people))
    with pytest.raises(DataError, match=r'\[3\]\.joints must be .*got nothing'):
        MpiiDataset(str(file))


def test_head_boxes_of_another_split_are_refused(tmp_path):
    file = write_mpii_people(tmp_path, headboxes=tmp_path / 'gt.mat')
    arrays = loadmat(tmp_path / 'gt.mat')
    arrays['headboxes_src'] = arrays['headboxes_src'][..., :3]
    savemat(tmp_path / 'gt.mat', {k: v for k, v in arrays.items() if k[0] != '_'})
    with pytest.raises(DataError, match=r'headboxes_src must have shape \(2, 2, 4\).*one split'):
        MpiiDataset(str(file), headbox_file=str(tmp_path / 'gt.mat'), test_mode=True)


def test_detected_boxes_are_refused(tmp_path):
    with pytest.raises(ConfigError, match='bbox_file of MpiiDataset must be None'):
        MpiiDataset(str(write_mpii_people(tmp_path)), bbox_file='boxes.json', test_mode=True)
