"""PoseTrack's annotations are read from one file or one per video, boxes and identities too."""

import json

import numpy as np
import pytest
from posetrack_videos import make_video_file

from posenas.datasets import PoseTrack18Dataset
from posenas.skeletons import POSETRACK18
from posenas.utils.errors import DataError

NAMES = ('000001_mpii_test', '000002_mpii_test')


@pytest.fixture
def folder(tmp_path):
    """Folder ``val`` with the official files of two videos, three frames, two people."""
    (tmp_path / 'val').mkdir()
    for number, name in enumerate(NAMES):
        write(tmp_path, make_video_file(name, seed=number), name)
    return tmp_path


def write(folder, content, name=NAMES[0]):
    (folder / 'val' / f'{name}.json').write_text(json.dumps(content))


def load(folder, name=NAMES[0]):
    return json.loads((folder / 'val' / f'{name}.json').read_text())


def build(folder, **kwargs):
    return PoseTrack18Dataset(**{'data_root': str(folder), 'ann_file': 'val', **kwargs})


def test_the_files_of_a_folder_are_one_data_set(folder):
    dataset = build(folder)
    assert len(dataset) == 12
    assert dataset.metainfo == POSETRACK18.metainfo()
    samples = [dataset.get_data_info(index) for index in range(12)]
    assert [sample['track_id'] for sample in samples] == [0, 1] * 6
    assert [sample['img_id'] % 10_000 for sample in samples] == [0, 0, 1, 1, 2, 2] * 2
    for sample, name in ((samples[5], NAMES[0]), (samples[6], NAMES[1])):
        assert f'/images/val/{name}/' in sample['img_path']
    assert not samples[0]['keypoints_visible'][0, 3:5].any()
    assert samples[0]['keypoints_visible'].sum() == 15


def test_a_merged_file_gives_the_same_persons(folder):
    merged = load(folder)
    for key in ('images', 'annotations'):
        merged[key] += load(folder, NAMES[1])[key]
    for number, row in enumerate(merged['annotations']):
        row['id'] = number
    (folder / 'posetrack18_val.json').write_text(json.dumps(merged))
    one, several = build(folder, ann_file='posetrack18_val.json'), build(folder)
    assert len(one) == len(several)
    for index in range(len(one)):
        first, second = one.get_data_info(index), several.get_data_info(index)
        np.testing.assert_array_equal(first['keypoints'], second['keypoints'])
        np.testing.assert_array_equal(first['bbox'], second['bbox'])
        assert first['img_path'] == second['img_path']
        assert first['track_id'] == second['track_id']


def test_test_samples_have_the_annotation_with_its_identity(folder):
    annotation = build(folder, test_mode=True).get_data_info(3)['raw_ann_info']
    original = load(folder)['annotations'][3]
    for key in ('id', 'image_id', 'track_id', 'bbox', 'keypoints'):
        assert annotation[key] == original[key]


def test_persons_that_cannot_be_used_are_left_out(folder):
    content = load(folder)
    rows = content['annotations']
    rows[0]['keypoints'] = [0] * 51
    rows[1]['iscrowd'] = True
    rows[2]['bbox'] = [3, 3, 0, 5]
    rows[3]['category_id'] = 5
    write(folder, content)
    dataset = build(folder)
    assert len(dataset) == 8
    assert dataset.get_data_info(0)['id'] == rows[4]['id']
    assert dataset.get_data_info(0)['track_id'] == rows[4]['track_id']


def test_a_missing_box_surrounds_the_labelled_joints(folder):
    content = load(folder)
    for row in content['annotations']:
        del row['bbox']
    content['annotations'][0]['keypoints'] = [20, 30, 1, 120, 90, 1, *[5, 5, 0] * 15]
    write(folder, content)
    dataset = build(folder)
    np.testing.assert_allclose(dataset.get_data_info(0)['bbox'], [[5, 21, 135, 99]])
    content['annotations'][0]['keypoints'] = 'none'
    write(folder, content)
    with pytest.raises(DataError, match=r'000001_mpii_test\.json: annotations\[0\]\.keypoints'):
        build(folder)


def test_missing_boxes_of_real_persons_are_the_official_ones(shared_dir, tmp_path):
    source = shared_dir / 'data/posetrack18_mini/annotations/test_posetrack18_val.json'
    content = json.loads(source.read_text())
    for image in content['images']:
        del image['width'], image['height']
    boxes = [row.pop('bbox') for row in content['annotations']]
    (tmp_path / 'people.json').write_text(json.dumps(content))
    persons = build(tmp_path, ann_file='people.json').persons
    np.testing.assert_allclose(persons.raw_bboxes, boxes, atol=1e-3)


def test_detected_boxes_bring_the_identities_of_their_tracker(folder):
    image_ids = [image['id'] for name in NAMES for image in load(folder, name)['images']]
    boxes = [
        dict(image_id=image_ids[place], category_id=1, bbox=[1, 2, 30, 40], score=score)
        for place, score in ((5, 0.9), (0, 0.2), (2, 0.8))
    ]
    boxes[2]['track_id'] = 7
    (folder / 'boxes.json').write_text(json.dumps(boxes))
    dataset = build(
        folder,
        bbox_file=str(folder / 'boxes.json'),
        test_mode=True,
        filter_cfg=dict(bbox_score_thr=0.5),
    )
    samples = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [sample.get('track_id') for sample in samples] == [None, 7]
    assert [sample['img_id'] for sample in samples] == [image_ids[5], image_ids[2]]
    assert f'{NAMES[1]}/000002.jpg' in samples[0]['img_path']
    assert 'raw_ann_info' not in samples[1]


@pytest.mark.parametrize(
    ('key', 'value', 'text'),
    [
        ('keypoints', [1] * 30, r'annotations\[1\]\.keypoints .* 51 finite numbers'),
        ('track_id', [1], r'annotations\[1\]\.track_id .* an integer'),
        ('image_id', 4, r'annotations\[1\]\.image_id .* occur in images'),
        ('bbox', [1, 2], r'annotations\[1\]\.bbox .* 4 finite numbers'),
    ],
)
def test_malformed_files_are_named(folder, key, value, text):
    content = load(folder, NAMES[1])
    content['annotations'][1][key] = value
    write(folder, content, NAMES[1])
    with pytest.raises(DataError, match=rf'000002_mpii_test\.json: {text}'):
        build(folder)


def test_videos_must_fit_each_other(folder):
    content = load(folder, NAMES[1])
    write(folder, load(folder), NAMES[1])
    with pytest.raises(DataError, match=r'val: images\[\]\.id must differ between the videos'):
        build(folder)
    content['categories'][0]['keypoints'][0] = 'tail'
    write(folder, content, NAMES[1])
    with pytest.raises(
        DataError, match=r'000002_mpii_test\.json: categories.* must be the same as in'
    ):
        build(folder)
    (folder / 'none').mkdir()
    with pytest.raises(DataError, match='none must hold the files of PoseTrack'):
        build(folder, ann_file='none')


def test_real_files_are_read(shared_dir):
    root = str(shared_dir / 'data/posetrack18_mini')
    boxes = f'{root}/annotations/test_posetrack18_human_detections.json'
    for ann_file in ('annotations/test_posetrack18_val.json', 'annotations/val'):
        dataset = build(root, ann_file=ann_file, pipeline=[dict(type='LoadImage')], test_mode=True)
        assert len(dataset) == 14
        assert dataset[0]['img'].shape == (1080, 1920, 3)
        assert sorted(sample['track_id'] for sample in dataset) == sorted(
            [0, *range(2), *range(11)]
        )
        assert len(build(root, ann_file=ann_file, bbox_file=boxes, test_mode=True)) == 278
