"""Person boxes: whose they are, and what is left over."""

import json
from pathlib import Path

import numpy as np
import pytest

from posenas.apis.boxes import BoxTable, read_boxes
from posenas.apis.sources import Frame, Source
from posenas.utils import DataError

BOX, OTHER = [0, 0, 10, 10], [5, 5, 20, 30]


def make_source(name='sub/a.jpg'):
    return Source(Path(name).stem, path=Path(name))


@pytest.mark.parametrize(
    ('bboxes', 'index', 'chosen'),
    [
        (None, 0, None),
        ([BOX, OTHER], 0, [BOX, OTHER]),
        (np.array([BOX]), 3, [BOX]),
        ([[BOX], [OTHER]], 1, [OTHER]),
        ([np.array([BOX]), np.array([OTHER])], 1, [OTHER]),
        ([[BOX], []], 1, []),
        ([[BOX]], 1, []),
        ([None, [BOX]], 0, None),
        ({'a.jpg': [BOX]}, 0, [BOX]),
        ({'a': [BOX]}, 2, [BOX]),
        ({'sub/a': [BOX]}, 0, [BOX]),
        ({'sub\\\\a.jpg': [BOX]}, 0, [BOX]),
        ({'./sub/../sub/a.jpg': [BOX]}, 0, [BOX]),
        ({'sub/a.jpg': [OTHER], 'a.jpg': [BOX]}, 0, [OTHER]),
        ({'a': [OTHER], 'a.jpg': [BOX]}, 0, [BOX]),
        ({'a.jpg': [[BOX], [OTHER]]}, 1, [OTHER]),
        ({}, 0, []),
        ([], 0, []),
    ],
)
def test_boxes_are_chosen_by_name_and_number(bboxes, index, chosen):
    source = make_source()
    result = BoxTable(bboxes, [source]).choose(Frame(source, index, index, {}))
    assert result is None if chosen is None else np.array_equal(result, chosen)


def test_boxes_of_a_dict_count_frames_of_each_source():
    source = make_source('a.mp4')
    table = BoxTable({'a.mp4': [[BOX], [OTHER], [BOX], [BOX]]}, [source])
    assert table.choose(Frame(source, 1, 9, {})) == [OTHER]
    assert table.surplus == {'a.mp4': 2}


def test_files_of_one_name_are_told_apart_by_their_folders():
    sources = [make_source('cam1/1.jpg'), make_source('cam2/1.jpg')]
    boxes = {'cam1/1.jpg': [BOX], 'cam2/1.jpg': [OTHER], 'cam3/1.jpg': [BOX]}
    table = BoxTable(boxes, sources)
    assert [table.choose(Frame(s, 0, i, {})) for i, s in enumerate(sources)] == [[BOX], [OTHER]]
    assert table.unused == ('cam3/1.jpg',)
    assert not table.without


@pytest.mark.parametrize('name', ['1.jpg', '1'])
def test_a_name_that_fits_two_files_is_refused(name):
    sources = [make_source('cam1/1.jpg'), make_source('cam2/1.jpg')]
    with pytest.raises(DataError, match=r'boxes of 1.* fit .*cam1/1\.jpg and .*cam2/1\.jpg'):
        BoxTable({name: [BOX]}, sources)
    assert BoxTable({name: [BOX]}, [sources[0], make_source('cam1/1.jpg')]).unused == ()


def test_names_that_fit_nothing_are_refused_and_missing_ones_counted():
    source = make_source()
    with pytest.raises(DataError, match=r'photos/a\.jpg.*sub/a\.jpg'):
        BoxTable({'photos/a.jpg': [BOX]}, [source])
    other = make_source('b.jpg')
    table = BoxTable({'a.jpg': [BOX]}, [source, other])
    assert list(table.choose(Frame(other, 0, 1, {}))) == []
    assert table.without == {'b.jpg': 1}


def test_lists_that_are_too_long_or_too_short_are_counted():
    source = make_source()
    table = BoxTable([[BOX], [BOX], [BOX]], [source])
    table.choose(Frame(source, 0, 0, {}))
    assert table.surplus == {'': 2}
    table.choose(Frame(source, 0, 3, {}))
    assert table.without == {'sub/a.jpg': 1}


def test_boxes_are_read_by_file_name(tmp_path):
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps({'a.jpg': [BOX]}))
    assert read_boxes(path) == {'a.jpg': [BOX]}


def test_boxes_are_read_from_a_coco_file(tmp_path):
    content = dict(
        images=[dict(id=7, file_name='sub/a.jpg'), dict(id=8, file_name='b.jpg')],
        annotations=[
            dict(image_id=7, bbox=[5, 5, 15, 25], score=0.5),
            dict(image_id=7, bbox=[0, 0, 9, 9], iscrowd=1),
            dict(image_id='7', bbox=[0, 0, 10, 10]),
            dict(image_id=8, bbox=[0, 0, 10, 10], category_id=17),
        ],
        categories=[dict(id=1, name='person'), dict(id=17, name='cat')],
    )
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps(content))
    assert read_boxes(path) == {'sub/a.jpg': [[*OTHER, 0.5], [*BOX, 1.0]], 'b.jpg': []}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'must be a readable JSON file'),
        ('[[0, 0, 1, 1]]', 'JSON object'),
        ('[{"image_id": 1, "bbox": [0, 0, 1, 1]}]', 'a list of detections names no files'),
        ('{"a.jpg": 3}', 'boxes of a.jpg must be a list'),
        ('{"a.jpg": [["x", 0, 1, 1]]}', 'boxes of a.jpg must be a list'),
        ('{"images": [3], "annotations": []}', 'must be an object'),
        (
            '{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}], '
            '"annotations": []}',
            'several of that name',
        ),
        ('{"images": [{"id": 1}], "annotations": []}', 'file_name'),
        ('{"a.jpg": [[5, 5, [1, [2]], 90], [1, 2, 30, 40]]}', 'must be a list like'),
        (
            '{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1]}]}',
            'occur in images',
        ),
        (
            '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, '
            '"bbox": [0, 0, 1]}]}',
            'must be x, y, width, height',
        ),
    ],
)
def test_malformed_box_files_are_refused_by_name(tmp_path, text, message):
    path = tmp_path / 'boxes.json'
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_boxes(path)
    assert str(path) in str(caught.value)


def test_a_missing_box_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r'none\.json'):
        read_boxes(tmp_path / 'none.json')
