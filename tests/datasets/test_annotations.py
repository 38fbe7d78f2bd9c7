import json

import numpy as np
import pytest

from posenas.datasets import CocoDataset
from posenas.datasets.annotations import read_coco_file
from posenas.skeletons import SKELETONS
from posenas.utils.errors import DataError


def _set(section, index, **values):
    return lambda data: data[section][index].update(values)


def _drop(section, index, key):
    return lambda data: data[section][index].pop(key) and None


BROKEN = [
    (_set('annotations', 2, keypoints=[1, 2, 3]), r'annotations\[2\].keypoints \(id 3\) .*51'),
    (_set('annotations', 2, keypoints='x'), r'annotations\[2\].keypoints'),
    (_set('annotations', 2, keypoints=[None] * 51), r'annotations\[2\].keypoints'),
    (_set('annotations', 2, keypoints=[1, 2, 7] * 17), 'v 0, 1 or 2'),
    (_set('annotations', 2, keypoints=[float('nan'), 2, 2] * 17), r'annotations\[2\].keypoints'),
    (_set('annotations', 2, keypoints=[10**400, 2, 2] * 17), r'annotations\[2\].keypoints'),
    (_set('annotations', 1, bbox=[1, 2, 3]), r'annotations\[1\].bbox \(id 2\) .* 4 finite'),
    (_set('annotations', 1, bbox=[1, 2, 3, float('nan')]), r'annotations\[1\].bbox'),
    (_set('annotations', 1, bbox=[1, 2, 3, float('inf')]), r'annotations\[1\].bbox'),
    (_set('annotations', 1, bbox=[1, 2, 3, 'wide']), r'annotations\[1\].bbox'),
    (_set('annotations', 1, image_id=99), r'annotations\[1\].image_id .*occur in images, got 99'),
    (_set('annotations', 1, area='big'), r'annotations\[1\].area'),
    (_set('annotations', 1, area=float('inf')), r'annotations\[1\].area'),
    (_set('annotations', 1, iscrowd='no'), r'annotations\[1\].iscrowd'),
    (_set('images', 1, id=1), r'images\[1\].id must occur once'),
    (_set('images', 1, file_name=7), r'images\[1\].file_name'),
    (_set('images', 1, width=-3), r'images\[1\].width'),
    (_set('images', 1, height='tall'), r'images\[1\].height'),
    (_set('categories', 0, skeleton=[[1, 99]]), None),
    (_drop('annotations', 3, 'image_id'), r'annotations\[3\].image_id .*required'),
    (_drop('images', 0, 'file_name'), r'images\[0\].file_name .*required'),
    (lambda data: data.pop('images') and None, 'must be an object with images'),
    (lambda data: data.pop('annotations') and None, 'annotations are required'),
    (lambda data: data.update(annotations={}), 'annotations must be a list'),
    (lambda data: data.update(images=[1]), r'images\[0\] must be an object'),
    (lambda data: data.update(annotations=[]), 'at least one person'),
    (lambda data: [], 'must be an object with images'),
    (lambda data: 'text', 'must be an object with images'),
]


@pytest.mark.parametrize(('change', 'text'), BROKEN)
def test_a_malformed_annotation_is_an_error_that_names_file_and_key(rewrite, change, text):
    path = rewrite(change)
    if text is None:  # known keypoints bring their own limbs
        assert len(CocoDataset(str(path))) == 6
        return
    with pytest.raises(DataError, match=text) as caught:
        CocoDataset(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize('content', [b'', b'{', b'{"images": [', b'\xff\xfe\x00', b'[' * 100_000])
def test_a_file_that_is_not_json_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / 'people.json'
    path.write_bytes(content)
    with pytest.raises(DataError, match=r'people\.json must be a readable JSON file'):
        read_coco_file(str(path))


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(DataError, match=r'nowhere\.json'):
        read_coco_file(str(tmp_path / 'nowhere.json'))


def test_a_place_is_that_in_the_file_though_persons_before_it_are_left_out(rewrite):
    def change(data):
        data['annotations'][0]['iscrowd'] = 1
        data['annotations'][1]['num_keypoints'] = 0
        data['annotations'][4]['bbox'] = [1, 2]

    with pytest.raises(DataError, match=r'annotations\[4\].bbox \(id 5\)'):
        CocoDataset(str(rewrite(change)))


def test_persons_that_cannot_be_trained_on_are_counted(rewrite):
    def change(data):
        people = data['annotations']
        people[0].update(iscrowd=1)
        people[1].update(num_keypoints=0)
        people[1].pop('keypoints')
        people[2].update(keypoints=[5, 5, 0] * 17)
        people[3].update(bbox=[500, 10, 20, 20])
        people[4].update(category_id=2)
        data['categories'].append(dict(id=2, name='car'))

    persons, dropped = read_coco_file(str(rewrite(change))).persons(17, '1.x')
    assert persons.ids.tolist() == [6]
    assert dropped == {
        'of another category': 1,
        'crowd': 1,
        'without keypoints': 2,
        'labelled outside of the image': 0,
        'with an empty box': 1,
        'with area 0': 0,
    }


def test_boxes_of_images_of_unknown_size_are_not_cut_on_the_right(rewrite):
    def change(data):
        data['images'][0].pop('width')
        data['images'][0].pop('height')
        data['annotations'][0]['bbox'] = [-10, -10, 500, 600]

    persons, _ = read_coco_file(str(rewrite(change))).persons(17, '1.x')
    assert persons.bboxes[0].tolist() == [0, 0, 490, 590]


@pytest.mark.parametrize(('generation', 'box'), [('1.x', [2, 0, 95, 60]), ('0.x', [2, 0, 95, 69])])
def test_boxes_are_cleaned_as_either_generation_does(rewrite, generation, box):
    path = rewrite(_set('annotations', 0, bbox=[2, -10, 200, 70]))
    dataset = CocoDataset(str(path), generation=generation)
    assert dataset.get_data_info(0)['bbox'][0].tolist() == box


@pytest.mark.parametrize('name', sorted(SKELETONS))
def test_the_skeleton_comes_from_the_file(tmp_path, name):
    from tiny_data import write_people

    path = write_people(tmp_path, skeleton=name)
    dataset = CocoDataset(str(path))
    assert dataset.metainfo == SKELETONS[name].metainfo()
    assert dataset[0]['keypoints'].shape == (1, SKELETONS[name].num_joints, 2)


def test_categories_with_different_joints_are_refused(rewrite):
    def change(data):
        data['categories'].append(dict(id=2, name='dog', keypoints=['nose', 'tail']))
        data['annotations'][0]['category_id'] = 2

    with pytest.raises(DataError, match='one file per skeleton'):
        CocoDataset(str(rewrite(change)))


@pytest.fixture
def boxes(people):
    """Function that writes detections, each a change of a good one, and returns their file."""
    good = dict(image_id=2, category_id=1, bbox=[10, 20, 30, 40], score=0.5)

    def write(*changes):
        path = people / 'boxes.json'
        path.write_text(json.dumps([{**good, **change} for change in changes]))
        return str(path)

    return write


def _detected(people, bbox_file, **kwargs):
    return CocoDataset(
        'people.json', data_root=str(people), bbox_file=bbox_file, test_mode=True, **kwargs
    )


def test_detected_boxes_replace_annotated_ones(people, boxes):
    dataset = _detected(people, boxes({}, dict(image_id=1, bbox=[-5, 0, 300, 40], score=1)))
    first, second = dataset[0], dataset[1]
    assert (first['img_id'], first['id'], second['img_id'], second['id']) == (2, 0, 1, 1)
    assert second['bbox'].tolist() == [[-5, 0, 295, 40]]
    assert first['bbox_score'].tolist() == [0.5]
    assert first['keypoints'].shape == (1, 17, 2)
    assert not first['keypoints_visible'].any()
    assert 'raw_ann_info' not in first


def test_detected_boxes_that_cannot_be_used_are_counted(people, boxes):
    path = boxes({}, dict(category_id=3), dict(image_id=77), dict(bbox=[1, 2, 0, 4]), dict(score=0))
    coco = read_coco_file(str(people / 'people.json'))
    persons, dropped = coco.detections(path, 17, 0.25)
    assert persons.ids.tolist() == [0]
    assert dropped == {
        'of another category': 1,
        'of images that are not listed': 1,
        'with an empty box': 1,
        'below the score threshold': 1,
    }
    assert len(_detected(people, path, filter_cfg=dict(bbox_score_thr=0.25))) == 1
    assert len(_detected(people, path)) == 2


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (dict(bbox=[1, 2, 3]), r'\[0\].bbox'),
        (dict(bbox=[1, 2, float('nan'), 4]), r'\[0\].bbox'),
        (dict(score=None), r'\[0\].score'),
        (dict(score=float('nan')), r'\[0\].score'),
        (dict(image_id=77), 'as no box does'),
    ],
)
def test_malformed_detections_are_errors(people, boxes, change, text):
    with pytest.raises(DataError, match=text):
        _detected(people, boxes(change))


def test_images_without_annotations_do_for_detections(people, boxes, rewrite):
    path = rewrite(lambda data: data.pop('annotations') and None)
    dataset = CocoDataset(str(path), bbox_file=boxes({}), test_mode=True)
    assert len(dataset) == 1


def test_damaged_files_give_data_errors_only(people):
    original = (people / 'people.json').read_bytes()
    rng = np.random.default_rng(7)
    path = people / 'damaged.json'
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(original)
        if rng.random() < 0.2:
            damaged = damaged[: rng.integers(len(damaged))]
        for place in rng.integers(max(len(damaged), 1), size=rng.integers(1, 4)):
            damaged[place : place + 1] = bytes([rng.integers(32, 127)])
        path.write_bytes(damaged)
        try:
            dataset = CocoDataset(str(path))
            outcomes.add(dataset.get_data_info(0)['keypoints'].shape[0])
        except DataError as error:
            assert 'damaged.json' in str(error)  # noqa: PT017
            outcomes.add('refused')
    assert outcomes == {1, 'refused'}


@pytest.mark.slow
def test_annotations_of_coco_train_size_load_into_little_memory(shared_dir, tmp_path):
    from posenas.benchmarks.data import measure_loading

    labels = np.load(shared_dir / 'data' / 'coco_val2017_kpt' / 'train2017_keypoints.npz')
    image_ids = labels['image_id'].tolist()
    rows = zip(
        labels['ann_image_index'].tolist(),
        (labels['bbox_x100'] / 100).tolist(),
        labels['keypoints'].reshape(-1, 51).tolist(),
        strict=True,
    )
    data = dict(
        images=[
            dict(id=i, file_name=f'{i:012}.jpg', width=w, height=h)
            for i, (w, h) in zip(image_ids, labels['size_wh'].tolist(), strict=True)
        ],
        annotations=[
            dict(id=n, image_id=image_ids[row], category_id=1, bbox=bbox, keypoints=keypoints)
            for n, (row, bbox, keypoints) in enumerate(rows)
        ],
        categories=[],
    )
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(data))
    dataset, cost = measure_loading(lambda: CocoDataset(str(path)))
    assert cost.num_persons == len(dataset) == 149_813
    assert cost.worker_mb < 100


def test_people_are_told_from_the_other_categories_of_a_list_of_test_images(tmp_path):
    names = ['car', 'person', 'dog']
    content = dict(
        images=[dict(id=7, file_name='7.jpg', width=50, height=50)],
        categories=[dict(id=number, name=name) for number, name in enumerate(names, 1)],
    )
    path, boxes = tmp_path / 'image_info.json', tmp_path / 'boxes.json'
    path.write_text(json.dumps(content))
    found = [dict(image_id=7, category_id=i, bbox=[1, 1, 9, 9], score=0.5) for i in (1, 2, 3)]
    boxes.write_text(json.dumps(found))
    dataset = CocoDataset(str(path), bbox_file=str(boxes), test_mode=True)
    assert [dataset.get_data_info(i)['category_id'] for i in range(len(dataset))] == [2]
