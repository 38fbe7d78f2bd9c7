import cv2
import numpy as np
import pytest
import yaml

from posenas.cli import main
from posenas.datasets import CocoDataset, convert_yolo_pose
from posenas.datasets.annotations import read_coco_file
from posenas.skeletons import COCO
from posenas.utils import DataError

DESCRIPTION = dict(
    path='.',
    train='images/train',
    val='images/val',
    kpt_shape=[3, 3],
    flip_idx=[0, 2, 1],
    names={0: 'cow', 1: 'dog'},
)
LINE = '1 0.5 0.5 0.4 0.2 0.5 0.25 2 0.4 0.5 1 0 0 0'


def write(folder, lines=(LINE,), **changes):
    """Write two images of 200 x 100 pixels, the first one with labels."""
    for part in ('train', 'val'):
        for kind in ('images', 'labels'):
            (folder / kind / part).mkdir(parents=True, exist_ok=True)
        for name in ('a', 'b'):
            picture = np.zeros((100, 200, 3), np.uint8)
            cv2.imwrite(str(folder / 'images' / part / f'{name}.png'), picture)
        (folder / 'labels' / part / 'a.txt').write_text('\n'.join(lines) + '\n')
    path = folder / 'data.yaml'
    path.write_text(yaml.safe_dump(DESCRIPTION | changes))
    return path


def test_objects_are_converted_to_pixels(tmp_path):
    counts = convert_yolo_pose(write(tmp_path), tmp_path / 'out')
    assert counts == {'train.json': 1, 'val.json': 1}
    data = CocoDataset(str(tmp_path / 'out' / 'train.json'), test_mode=True)
    assert len(data) == 1
    sample = data.get_data_info(0)
    assert sample['img_path'] == 'images/train/a.png'
    assert sample['keypoints'][0].tolist() == [[100, 25], [80, 50], [0, 0]]
    assert sample['keypoints_level'][0].tolist() == [2, 1, 0]
    assert sample['raw_ann_info']['bbox'] == [60, 40, 80, 20]
    assert sample['category_id'] == 2
    assert sample['flip_indices'] == [0, 2, 1]


def test_joints_of_two_values_are_visible_unless_at_the_corner(tmp_path):
    lines = ['0 0.5 0.5 0.4 0.2 0.5 0.25 0 0 0.1 0.2', '']
    convert_yolo_pose(write(tmp_path, lines, kpt_shape=[3, 2]), tmp_path)
    sample = CocoDataset(str(tmp_path / 'val.json')).get_data_info(0)
    assert sample['keypoints_level'][0].tolist() == [2, 0, 2]


def test_joints_that_are_paired_as_in_coco_get_its_names(tmp_path):
    line = '0 0.5 0.5 0.4 0.2 ' + '0.5 0.5 2 ' * 17
    flips = list(COCO.flip_indices)
    path = write(tmp_path, [line], kpt_shape=[17, 3], flip_idx=flips, names=['person'])
    convert_yolo_pose(path, tmp_path)
    assert read_coco_file(str(tmp_path / 'train.json')).skeleton == COCO


def test_names_of_joints_are_taken(tmp_path):
    names = {0: ['nose', 'left_ear', 'right_ear']}
    convert_yolo_pose(write(tmp_path, kpt_names=names, flip_idx=None), tmp_path)
    skeleton = read_coco_file(str(tmp_path / 'train.json')).skeleton
    assert skeleton.joint_names == ('nose', 'left_ear', 'right_ear')
    assert skeleton.flip_indices == (0, 2, 1)


def test_images_may_be_listed(tmp_path):
    path = write(tmp_path, train='list.txt', val=None)
    (tmp_path / 'list.txt').write_text('./images/val/a.png\n./images/train/b.png\n')
    assert convert_yolo_pose(path, tmp_path / 'out') == {'train.json': 1}
    images = read_coco_file(str(tmp_path / 'out' / 'train.json')).images
    assert [images.name(row) for row in (0, 1)] == ['images/val/a.png', 'images/train/b.png']


def test_the_layout_of_roboflow_is_read(tmp_path, monkeypatch):
    lines = []
    log = 'posenas.datasets.releases.yolo_pose.print_log'
    monkeypatch.setattr(log, lambda text, *_, **__: lines.append(text))
    changes = dict(train='../images/train', val='../images/val', test='../test/images')
    changes |= dict(path=r'C:\data', names={'0': 'cow', '1': 'dog'}, flip_idx=[])
    path = write(tmp_path, ['0 0.5 0.5 0.4 0.2', LINE.replace(' 2 ', ' 3 ')], **changes)
    counts = convert_yolo_pose(path, tmp_path / 'out')
    assert counts == {'train.json': 2, 'val.json': 2}
    data = CocoDataset(str(tmp_path / 'out' / 'train.json'))
    assert data.left_out['without keypoints'] == 1
    assert data.get_data_info(0)['keypoints_level'][0].tolist() == [2, 1, 0]
    told = [line.partition(': ')[2] for line in lines]
    assert sorted(told) == sorted(
        [
            '1 x ../images/train was read as images/train',
            '1 x ../images/val was read as images/val',
            '1 x test is left out: there is no ../test/images',
            '1 of 2 images have no label, so no people',
            '1 of 2 images have no label, so no people',
            '2 x line with a box alone: an object without labelled keypoints',
            '2 x v = 3: Halpe has such; it counts as visible',
        ]
    )


def test_labels_without_an_image_and_files_of_macos_are_counted(tmp_path, monkeypatch):
    said = []
    log = 'posenas.datasets.releases.yolo_pose.print_log'
    monkeypatch.setattr(log, lambda text, *_, **__: said.append(text))
    path = write(tmp_path)
    for name in ('c', 'd', 'classes', '._a'):
        (tmp_path / f'labels/train/{name}.txt').write_text(LINE)
    (tmp_path / 'images/train/._a.png').write_bytes(b'no image')
    assert convert_yolo_pose(path, tmp_path)['train.json'] == 1
    assert any('1 x hidden files are no images' in text for text in said)
    (line,) = [text for text in said if 'without an image' in text]
    assert '2 x label files' in line
    assert 'train/c.txt' in line


def test_lists_may_be_written_on_windows(tmp_path):
    path = write(tmp_path, train='lists/train.txt', val=None)
    (tmp_path / 'lists').mkdir()
    (tmp_path / 'lists' / 'train.txt').write_bytes(b'\xef\xbb\xbfimages\\train\\a.png\r\n')
    assert convert_yolo_pose(path, tmp_path / 'out') == {'train.json': 1}


def test_the_command_converts(tmp_path, capsys):
    path = write(tmp_path)
    assert main(['dataset', 'convert', 'yolo-pose', str(path), '--out', str(tmp_path)]) == 0
    assert f'1 people: {tmp_path / "val.json"}' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('lines', 'match'),
    [
        (['1 0.5'], r'a\.txt, line 1 must hold 14 finite numbers'),
        ([LINE, LINE.replace('0.25', 'x')], r'a\.txt, line 2 must hold'),
        ([LINE.replace('0.25', 'nan')], 'finite'),
        (['7' + LINE[1:]], 'must begin with a class of'),
        ([LINE.replace(' 2 ', ' 7 ')], 'third value of a keypoint'),
    ],
)
def test_malformed_labels_are_refused_with_their_line(tmp_path, lines, match):
    with pytest.raises(DataError, match=match):
        convert_yolo_pose(write(tmp_path, lines), tmp_path / 'out')


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        (dict(kpt_shape=[3, 4]), 'kpt_shape must be'),
        (dict(kpt_shape=None), 'kpt_shape must be'),
        (dict(flip_idx=[0, 1, 1]), 'flip_idx must hold'),
        (dict(names=3), 'names must be'),
        (dict(kpt_names=['a', 'a', 'b']), 'kpt_names must be 3 different'),
        (dict(train='nowhere'), 'nowhere must be a folder or a list'),
        (dict(train=[3]), 'train, val and test must be'),
        (dict(train=None, val=None), 'train, val and test must be'),
    ],
)
def test_malformed_descriptions_are_refused(tmp_path, changes, match):
    with pytest.raises(DataError, match=match):
        convert_yolo_pose(write(tmp_path, **changes), tmp_path / 'out')


@pytest.mark.parametrize('content', ['{', '[1]', None])
def test_unreadable_descriptions_are_refused(tmp_path, content):
    if content is not None:
        (tmp_path / 'data.yaml').write_text(content)
    with pytest.raises(DataError, match=r'data\.yaml'):
        convert_yolo_pose(tmp_path / 'data.yaml', tmp_path)
