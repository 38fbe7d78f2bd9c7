import json

import numpy as np
import pytest

from posenas.datasets import JhmdbDataset
from posenas.skeletons import JHMDB

JOINTS = [[10 + i, 20 + i, 2] for i in range(15)]


def write(tmp_path, bbox=(5, 6, 50, 60), **values):
    category = dict(id=1, name='person', keypoints=list(JHMDB.joint_names))
    flat = [value for joint in JOINTS for value in joint]
    person = dict(id=7, image_id=3, category_id=1, bbox=list(bbox), keypoints=flat, **values)
    image = dict(id=3, file_name='a/00001.png', width=100, height=80)
    path = tmp_path / 'jhmdb.json'
    path.write_text(json.dumps(dict(images=[image], annotations=[person], categories=[category])))
    return path


def test_pixels_are_counted_from_zero(tmp_path):
    sample = JhmdbDataset(str(write(tmp_path)), test_mode=True).get_data_info(0)
    assert sample['keypoints'][0].tolist() == [[9 + i, 19 + i] for i in range(15)]
    assert sample['bbox'].tolist() == [[4, 5, 54, 65]]
    assert sample['area'] == pytest.approx(0.53 * 50 * 60)
    assert sample['raw_ann_info']['bbox'] == [4, 5, 50, 60]
    assert sample['raw_ann_info']['keypoints'][:3] == [9, 19, 2]


def test_boxes_are_cut_to_the_image(tmp_path):
    data = JhmdbDataset(str(write(tmp_path, bbox=(-9, 60, 200, 60), area=12.0)))
    assert data.get_data_info(0)['bbox'].tolist() == [[0, 59, 99, 79]]
    assert data.get_data_info(0)['area'] == 12


def test_joints_outside_of_the_image_stay_labelled(tmp_path):
    path = write(tmp_path)
    content = json.loads(path.read_text())
    content['annotations'][0]['keypoints'][:3] = [-30, 90, 2]
    path.write_text(json.dumps(content))
    sample = JhmdbDataset(str(path)).get_data_info(0)
    assert sample['keypoints'][0, 0].tolist() == [-31, 89]
    assert sample['keypoints_visible'].sum() == 15


def test_the_real_files_are_read(shared_dir):
    folder = shared_dir / 'data' / 'jhmdb_mini'
    data = JhmdbDataset(str(folder / 'test_jhmdb_sub1.json'), data_prefix=dict(img=str(folder)))
    assert len(data) == 3
    assert data.skeleton == JHMDB
    sample = data.get_data_info(0)
    assert sample['bbox'].tolist() == [[78, 61, 132, 220]]
    expected = np.float32([98.851746, 92.59851]) - 1
    assert sample['keypoints'][0, 0].tolist() == pytest.approx(expected.tolist())
