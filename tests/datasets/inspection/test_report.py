import json

import cv2
import numpy as np
import pytest

from posenas.datasets import CocoDataset
from posenas.datasets.inspection.report import inspect_annotations, inspect_images
from posenas.skeletons import COCO
from posenas.utils.errors import DataError


def kinds(report):
    return {(severity, kind): number for severity, kind, number in report.counts()}


def test_good_data_has_no_findings(people):
    report = inspect_annotations(str(people / 'people.json'))
    inspect_images(report, people)
    assert report.findings == []
    assert report.statistics['persons'] == report.statistics['images decoded'] == 6
    assert report.statistics['share of people with joint']['nose'] == 1


def _person(index, **values):
    return lambda data: data['annotations'][index].update(values)


def _joints(data, index):
    return np.array(data['annotations'][index]['keypoints']).reshape(-1, 3)


def _set_joint(index, joint, x, y, v):
    def change(data):
        data['annotations'][index]['keypoints'][3 * joint : 3 * joint + 3] = [x, y, v]

    return change


def _swap(data):
    """Exchange left and right hip of the first person, whose torso is made upright."""
    points = _joints(data, 0)
    for name, x, y in (
        ('left_shoulder', 80, 20),
        ('right_shoulder', 20, 20),
        ('left_hip', 25, 90),
        ('right_hip', 75, 90),
    ):
        points[COCO.joint_index(name)] = x, y, 2
    data['annotations'][0]['keypoints'] = points.ravel().tolist()


def _repeat(data):
    data['annotations'].append(dict(data['annotations'][0], id=99))


CASES = [
    (_person(0, keypoints=[1, 2]), 'error', 'malformed keypoints'),
    (_person(0, keypoints=[None] * 51), 'error', 'malformed keypoints'),
    (_person(0, keypoints=[1, 1, 5] * 17), 'error', 'malformed keypoints'),
    (_person(0, bbox=[1, 2, float('nan'), 4]), 'error', 'malformed box'),
    (_person(0, bbox='x'), 'error', 'malformed box'),
    (_person(0, image_id=77), 'error', 'unknown image id'),
    (_person(0, id='1'), 'warning', 'annotation id is no integer'),
    (_person(1, id=1), 'warning', 'annotation id twice'),
    (_person(0, category_id=5), 'warning', 'labels of another category'),
    (_person(0, iscrowd='no'), 'error', 'malformed annotation'),
    (_person(0, area='big'), 'error', 'malformed area'),
    (_person(0, area=0), 'warning', 'area 0'),
    (_person(0, area=None), 'warning', 'area missing'),
    (_person(0, bbox=None), 'warning', 'box missing'),
    (_person(0, keypoints=[5, 5, 0] * 17), 'warning', 'places without labels'),
    (_person(0, keypoints=[0, 0, 2] * 17), 'error', 'labels outside the image'),
    (_set_joint(0, 3, 0, 0, 2), 'warning', 'keypoint at (0, 0)'),
    (_person(0, keypoints=[0.3, 0.7, 2] * 17), 'warning', 'shares of the image?'),
    (_person(0, bbox=[10, 10, 0, 20]), 'error', 'empty box'),
    (_person(0, bbox=[300, 10, 30, 20]), 'error', 'box outside the image'),
    (_person(0, bbox=[-10, 0, 100, 128]), 'warning', 'box extends beyond the image'),
    (_person(0, num_keypoints=4), 'warning', 'num_keypoints differs'),
    (_person(0, bbox=[1, 1, 9, 9]), 'warning', 'keypoint beyond the crop'),
    (_set_joint(0, 3, 200, 50, 2), 'warning', 'keypoint outside the image'),
    (_swap, 'warning', 'left and right swapped?'),
    (_repeat, 'warning', 'person repeated'),
    (lambda data: data['images'][1].update(id=1), 'error', 'image id twice'),
    (lambda data: data['images'][1].update(file_name=3), 'error', 'malformed image'),
    (lambda data: data['images'][1].update(width='w'), 'error', 'malformed image'),
    (lambda data: data['images'][1].update(file_name='001.jpg'), 'warning', 'image file twice'),
    (lambda data: data['categories'][0].update(keypoints=1), 'error', 'malformed skeleton'),
    (lambda data: data.update(categories=[]), 'warning', 'keypoints without names'),
    (lambda data: data.update(annotations=3), 'error', 'malformed file'),
    (lambda data: [1], 'error', 'malformed file'),
]


@pytest.mark.parametrize(('change', 'severity', 'kind'), CASES)
def test_each_fault_is_found_and_named(rewrite, change, severity, kind):
    report = inspect_annotations(str(rewrite(change)))
    assert (severity, kind) in kinds(report)


def test_all_faults_are_found_with_their_place(rewrite):
    def change(data):
        data['annotations'][0].update(image_id=77)
        data['annotations'][2].update(keypoints=[1])
        data['annotations'][4].update(bbox=[1, 2, 3])

    report = inspect_annotations(str(rewrite(change)))
    places = {finding.kind: finding.place for finding in report.findings}
    assert places == {
        'unknown image id': 'annotations[0].image_id (id 1)',
        'malformed keypoints': 'annotations[2].keypoints (id 3)',
        'malformed box': 'annotations[4].bbox (id 5)',
    }
    assert report.statistics['persons'] == 3
    assert report.num_errors == 3


def test_sides_at_one_spot_are_found(rewrite):
    def change(data):
        for joint in (11, 12):
            _set_joint(0, joint, 50, 50, 2)(data)

    assert kinds(inspect_annotations(str(rewrite(change)))) == {
        ('warning', 'left and right at one spot'): 1
    }


def test_joints_without_partner_and_unequal_pairs_are_found(tmp_path):
    joints = ['nose', 'left_eye', 'right_eye', 'left_hand']
    people = [
        dict(
            id=i,
            image_id=1,
            category_id=1,
            bbox=[10, 10, 50 + i * 0.1, 50],
            area=1000,
            keypoints=[20, 20, 2, 30, 20, 2, 40, 20, 2 * (i % 2), 20, 30, 2],
        )
        for i in range(60)
    ]
    path = tmp_path / 'people.json'
    path.write_text(
        json.dumps(
            dict(
                images=[dict(id=1, file_name='a.jpg', width=100, height=100)],
                annotations=people,
                categories=[dict(id=1, keypoints=joints)],
            )
        )
    )
    found = {finding.kind: finding.place for finding in inspect_annotations(str(path)).findings}
    assert found == {'keypoint without partner': 'left_hand', 'pair labelled unequally': 'left_eye'}


def test_crowds_and_persons_without_joints_are_no_faults(rewrite):
    def change(data):
        data['annotations'][0].update(iscrowd=1, keypoints=[])
        data['annotations'][1].update(num_keypoints=0)
        data['annotations'][1].pop('keypoints')

    report = inspect_annotations(str(rewrite(change)))
    assert report.findings == []
    assert report.statistics['persons'] == 4


@pytest.mark.parametrize('num_threads', [1, 3])
def test_broken_images_and_wrong_sizes_are_found(people, num_threads):
    (people / '001.jpg').unlink()
    (people / '002.jpg').write_bytes((people / '002.jpg').read_bytes()[:200])
    cv2.imwrite(str(people / '003.jpg'), np.zeros((10, 20, 3), np.uint8))
    report = inspect_annotations(str(people / 'people.json'))
    seen = []

    def progress(images):
        for image in images:
            seen.append(image)
            yield image

    inspect_images(report, people, num_threads, progress)
    assert [(finding.kind, finding.place) for finding in report.findings] == [
        ('unreadable image', '001.jpg'),
        ('unreadable image', '002.jpg'),
        ('image of another size', '003.jpg'),
    ]
    assert '20 x 10' in report.findings[2].text
    assert len(seen) == 6


def test_an_unreadable_file_is_a_finding(tmp_path):
    path = tmp_path / 'people.json'
    path.write_text('{')
    assert kinds(inspect_annotations(str(path))) == {('error', 'unreadable file'): 1}


def test_images_without_annotations_are_inspected(rewrite, people):
    report = inspect_annotations(str(rewrite(lambda data: data.pop('annotations') and None)))
    inspect_images(report, people)
    assert report.statistics == {'images': 6, 'images decoded': 6}


def test_files_that_the_data_set_refuses_have_errors(people):
    """The inspection must see at least what stops training."""
    original = (people / 'people.json').read_bytes()
    rng = np.random.default_rng(11)
    path = people / 'damaged.json'
    refused = 0
    for _ in range(300):
        damaged = bytearray(original)
        for place in rng.integers(len(damaged), size=2):
            damaged[place] = rng.integers(32, 127)
        path.write_bytes(damaged)
        try:
            len(CocoDataset(str(path)))
        except DataError as error:
            refused += 1
            report = inspect_annotations(str(path))
            assert report.num_errors or 'annotations are required' in str(error)  # noqa: PT017
    assert refused > 100
