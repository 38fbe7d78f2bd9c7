"""Inputs and person boxes."""

import json

import numpy as np
import pytest

from posenas.apis.sources import Frame, Source, list_sources, read_boxes, select_boxes
from posenas.utils import DataError

BOX, OTHER = [0, 0, 10, 10], [5, 5, 20, 30]


def make_frame(name='sub/a.jpg', index=0):
    (source,) = list_sources([np.zeros((4, 4, 3), np.uint8)]) if name is None else [_source(name)]
    return Frame(source, index, {})


def _source(name):
    from pathlib import Path

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
        ({'sub/a.jpg': [OTHER], 'a.jpg': [BOX]}, 0, [OTHER]),
        ({'a.jpg': [[BOX], [OTHER]]}, 1, [OTHER]),
        ({'b.jpg': [BOX]}, 0, []),
        ({}, 0, []),
        ([], 0, []),
    ],
)
def test_boxes_are_chosen_by_name_and_number(bboxes, index, chosen):
    result = select_boxes(bboxes, make_frame(index=index), position=index)
    assert result is None if chosen is None else np.array_equal(result, chosen)


def test_boxes_of_a_dict_count_frames_of_each_source():
    result = select_boxes({'a.mp4': [[BOX], [OTHER]]}, make_frame('a.mp4', 1), position=9)
    assert result == [OTHER]


def test_arrays_are_named_by_their_number():
    sources = list_sources([np.zeros((4, 4, 3), np.uint8)] * 2)
    assert [source.name for source in sources] == ['00000000', '00000001']
    assert [source.count_frames() for source in sources] == [1, 1]


def test_frames_of_a_video_are_counted(video_file):
    (source,) = list_sources(video_file)
    assert source.count_frames() == 3
    assert source.frames_per_second() == pytest.approx(10)


def test_a_broken_video_counts_no_frames(tmp_path):
    (tmp_path / 'a.mp4').write_text('nothing')
    assert list_sources(tmp_path)[0].count_frames() == 0


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
            dict(image_id=7, bbox=[0, 0, 10, 10]),
        ],
    )
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps(content))
    assert read_boxes(path) == {'a.jpg': [[*OTHER, 0.5], [*BOX, 1.0]], 'b.jpg': []}


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'must be a readable JSON file'),
        ('[[0, 0, 1, 1]]', 'JSON object'),
        ('{"images": [{"id": 1}], "annotations": []}', 'file_name'),
        ('{"images": [], "annotations": [{"image_id": 1, "bbox": [0, 0, 1, 1]}]}', 'COCO file'),
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
