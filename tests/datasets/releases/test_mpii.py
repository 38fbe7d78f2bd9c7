"""The official file is not at hand: these tests write its documented layout."""

import json
import re

import numpy as np
import pytest
from scipy.io import savemat

from posenas.cli.dataset import main
from posenas.datasets import CocoDataset, MpiiDataset, convert_mpii_release, read_mpii_release
from posenas.skeletons import MPII
from posenas.utils import DataError

EMPTY = np.zeros((0, 0))


def array_of(records):
    """A structure array as MATLAB writes it."""
    names = list(records[0]) if records else []
    array = np.empty((1, len(records)), dtype=[(name, object) for name in names])
    for i, record in enumerate(records):
        array[0, i] = tuple(record[name] for name in names)
    return array


def person(points, scale=2.5, place=(300.0, 200.0), head=(10.0, 20.0, 40.0, 60.0)):
    joints = [
        dict(x=x, y=y, id=i, is_visible=EMPTY if i in (8, 9) else str(i % 2)) for i, x, y in points
    ]
    x1, y1, x2, y2 = head
    return dict(
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        scale=scale,
        objpos=array_of([dict(x=place[0], y=place[1])]) if place else EMPTY,
        annopoints=array_of([dict(point=array_of(joints))]) if joints else EMPTY,
    )


def image(name, people):
    rects = array_of(people) if people else EMPTY
    return dict(image=array_of([dict(name=name)]), annorect=rects, frame_sec=1, vidx=2)


@pytest.fixture
def release():
    full = [(i, 10.0 + i, 20.0 + 2 * i) for i in range(16)]
    return dict(
        annolist=array_of(
            [
                image('000000001.jpg', [person(full), person(full[:3], scale=1.5)]),
                image('000000002.jpg', [person([], scale=3.0)]),
                image('000000003.jpg', []),
                image('000000004.jpg', [person(full, place=None), person([], scale=EMPTY)]),
                image('000000005.jpg', [person(full[::-1])]),
            ]
        ),
        img_train=np.array([[1, 0, 1, 1, 1]]),
        single_person=np.array([[np.array([[2]])], [1.0], [EMPTY], [EMPTY], [1.0]], object),
    )


def write(tmp_path, release):
    path = tmp_path / 'release.mat'
    savemat(path, dict(RELEASE=release))
    return path


def test_persons_come_in_the_layout_of_trainings(tmp_path, release):
    read = read_mpii_release(write(tmp_path, release))
    assert [p['image'][:9] for p in read.train] == ['000000001', '000000001', '000000005']
    whole, part, reverse = read.train
    assert whole['center'] == [300, 200]
    assert whole['scale'] == 2.5
    assert whole['joints'] == [[10.0 + i, 20.0 + 2 * i] for i in range(16)]
    assert reverse['joints'] == whole['joints']
    assert part['joints_vis'] == [1] * 3 + [0] * 13
    assert part['joints'][3:] == [[-1, -1]] * 13
    assert read.head_boxes.tolist() == [[[10, 20], [40, 60]]] * 3
    assert read.test == [dict(image='000000002.jpg', center=[300, 200], scale=3.0)]


def test_crowded_persons_can_be_left_out(tmp_path, release, monkeypatch):
    lines = []
    monkeypatch.setattr(
        'posenas.datasets.releases.mpii.print_log', lambda text, _: lines.append(text)
    )
    read = read_mpii_release(write(tmp_path, release), separated_only=True)
    (line,) = lines
    assert re.search(r'left out [1-9] of [1-9] people .*or not separated', line)
    assert [(p['image'], p['scale']) for p in read.train] == [
        ('000000001.jpg', 1.5),
        ('000000005.jpg', 2.5),
    ]
    assert len(read.test) == 1


def test_the_files_written_are_those_the_data_set_reads(tmp_path, release):
    counts = convert_mpii_release(write(tmp_path, release), tmp_path / 'out')
    assert counts == {
        'mpii_trainval.json': 3,
        'mpii_trainval_coco.json': 3,
        'mpii_test.json': 1,
    }
    dataset = MpiiDataset(
        str(tmp_path / 'out' / 'mpii_trainval.json'),
        headbox_file=str(tmp_path / 'out' / 'mpii_gt_trainval.mat'),
        test_mode=True,
    )
    sample = dataset.get_data_info(1)
    assert sample['img_id'] == 1
    assert sample['keypoints'][0, :3].tolist() == [[9, 19], [10, 21], [11, 23]]
    truth = np.reshape(sample['raw_ann_info']['keypoints'], (16, 3))
    np.testing.assert_array_equal(truth[:, :2], sample['keypoints'][0])
    np.testing.assert_array_equal(truth[:, 2], sample['keypoints_visible'][0])
    assert sample['raw_ann_info']['head_box'] == [[9, 19], [39, 59]]
    test = MpiiDataset(str(tmp_path / 'out' / 'mpii_test.json'), test_mode=True)
    assert 'raw_ann_info' not in test.get_data_info(0)


def test_the_coco_file_holds_the_same_samples(tmp_path, release):
    convert_mpii_release(write(tmp_path, release), tmp_path)
    ours = MpiiDataset(str(tmp_path / 'mpii_trainval.json'))
    coco = CocoDataset(str(tmp_path / 'mpii_trainval_coco.json'))
    assert coco.skeleton == MPII
    assert len(coco) == len(ours) == 3
    for row in range(3):
        first, second = ours.get_data_info(row), coco.get_data_info(row)
        assert first['img_path'] == second['img_path']
        np.testing.assert_array_equal(first['keypoints_visible'], second['keypoints_visible'])
        left, top, right, bottom = first['bbox'][0]
        cut = [max(left, 0), max(top, 0), right, bottom]
        np.testing.assert_allclose(second['bbox'][0], cut, atol=1e-3)
        seen = first['keypoints_visible'][0] > 0
        np.testing.assert_array_equal(first['keypoints'][0, seen], second['keypoints'][0, seen])


def test_a_published_list_divides_the_training_persons(tmp_path, release):
    listed = tmp_path / 'valid.json'
    listed.write_text(json.dumps([dict(image='000000005.jpg', center=[300.0, 200.0], scale=2.5)]))
    options = ['--val', str(listed), '--out', str(tmp_path / 'out')]
    assert main(['convert', 'mpii', str(write(tmp_path, release)), *options]) == 0
    names = {}
    for part in ('train', 'val'):
        data = MpiiDataset(
            str(tmp_path / 'out' / f'mpii_{part}.json'),
            headbox_file=str(tmp_path / 'out' / f'mpii_gt_{part}.mat'),
            test_mode=True,
        )
        names[part] = [data.get_data_info(row)['img_path'] for row in range(len(data))]
        assert data.get_data_info(0)['raw_ann_info']['head_box'] == [[9, 19], [39, 59]]
    assert names == dict(train=['000000001.jpg'] * 2, val=['000000005.jpg'])


def test_a_list_of_other_persons_is_refused(tmp_path, release):
    listed = tmp_path / 'valid.json'
    listed.write_text(json.dumps([dict(image='000000005.jpg', center=[1, 1])]))
    with pytest.raises(DataError, match=r'valid.json: \[0\]\.center'):
        convert_mpii_release(write(tmp_path, release), tmp_path / 'out', val_file=listed)


def test_the_command_writes_the_files(tmp_path, release, capsys):
    file = str(write(tmp_path, release))
    assert main(['convert', 'mpii', file, '--out', str(tmp_path / 'out'), '--separated-only']) == 0
    assert '2 people: ' in capsys.readouterr().out
    assert len(json.loads((tmp_path / 'out' / 'mpii_trainval.json').read_text())) == 2


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda r: r.pop('annolist'), 'must have the field annolist'),
        (lambda r: r.update(img_train=np.array([[1, 0]])), r'img_train must .* 5 images, got 2'),
        (
            lambda r: r.update(annolist=array_of([dict(annorect=EMPTY)] * 5)),
            r'annolist\(1\) must have the field image',
        ),
        (
            lambda r: r.update(annolist=array_of([image('1.jpg', [person([(16, 1, 1)])])] * 5)),
            r'annolist\(1\)\.annorect\(1\)\.annopoints.point must .* got id 16',
        ),
    ],
)
def test_other_layouts_are_refused(tmp_path, release, change, match):
    change(release)
    with pytest.raises(DataError, match=match):
        read_mpii_release(write(tmp_path, release))


def test_other_files_are_refused(tmp_path):
    savemat(tmp_path / 'x.mat', dict(other=1))
    with pytest.raises(DataError, match='must hold the variable RELEASE'):
        read_mpii_release(tmp_path / 'x.mat')
