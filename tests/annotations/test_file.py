import json

import numpy as np
import pytest
from annotations.exports import BROKEN, NAMES, POINTS, SOUND, category, changed, first

from posenas.annotations import AnnotationFile, read_annotations
from posenas.datasets.annotations import CocoFile, read_coco_file
from posenas.datasets.inspection import inspect_annotations
from posenas.utils.errors import DataError


def load(content):
    file = AnnotationFile('people.json', content)
    file.findings.require()
    return CocoFile(file)


@pytest.mark.parametrize(
    ('change', 'kinds', 'count', 'labels'), [c[1:] for c in SOUND], ids=[c[0] for c in SOUND]
)
def test_what_label_tools_write_loads_and_is_told(change, kinds, count, labels):
    coco = load(changed(change))
    persons, left_out = coco.persons(4, '1.x')
    assert len(persons) == count
    assert (persons.visibility[0] > 0).sum() == labels
    told = {finding.kind for finding in coco.file.findings}
    assert kinds is None or told == kinds
    assert len(coco.file.content['annotations']) == count + sum(left_out.values())


@pytest.mark.parametrize('change', [case[1] for case in SOUND], ids=[case[0] for case in SOUND])
def test_what_was_put_right_needs_nothing_more(change):
    """A part of the file that is written out, as by dataset init, is sound."""
    once = load(changed(change))
    once.persons(4, '1.x')
    again = load(json.loads(json.dumps(once.file.content)))
    persons, _ = again.persons(4, '1.x')
    expected, _ = once.persons(4, '1.x')
    np.testing.assert_array_equal(persons.keypoints, expected.keypoints)
    np.testing.assert_array_equal(persons.bboxes, expected.bboxes)
    allowed = {'labels of another category', 'places without labels', 'image without file_name'}
    assert {finding.kind for finding in again.file.findings} <= allowed


@pytest.mark.parametrize(
    ('change', 'text'), [case[1:] for case in BROKEN], ids=[c[0] for c in BROKEN]
)
def test_what_nothing_can_be_made_of_is_refused_and_reported(tmp_path, change, text):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(changed(change)))
    if text is None:
        assert not len(read_coco_file(str(path)).persons(4, '1.x')[0])
    else:
        with pytest.raises(DataError, match=text):
            read_coco_file(str(path)).persons(4, '1.x')
    assert inspect_annotations(str(path)).num_errors


@pytest.mark.parametrize('change', [case[1] for case in SOUND], ids=[case[0] for case in SOUND])
def test_what_loads_is_no_error_of_check_data(tmp_path, change):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(changed(change)))
    assert not inspect_annotations(str(path)).num_errors


def test_a_refusal_counts_the_other_reasons():
    content = changed(lambda c: [a.update(bbox=[1]) for a in c['annotations']] and None)
    with pytest.raises(DataError, match='and 2 more errors: posenas check-data'):
        load(content).persons(4, '1.x')


def test_a_box_is_drawn_around_labelled_keypoints_alone():
    content = changed(first(bbox=None, keypoints=[*POINTS[:9], 500, 500, 0]))
    persons, _ = load(content).persons(4, '1.x')
    np.testing.assert_allclose(persons.raw_bboxes[0], [11, 15.5, 78, 39], rtol=1e-6)


@pytest.mark.parametrize(
    ('limbs', 'read'),
    [
        ([[1, 2], [4, 9], [3, 4]], [(0, 1), (2, 3)]),
        ([[0, 1], [2, 3]], [(0, 1), (2, 3)]),
        ([[0, 1], [3, 4]], [(2, 3)]),  # 0 and 4 cannot both be keypoints
        ([['head', 'foot'], ['head', 'tail']], [(0, 3)]),
        ([['1', '2']], [(0, 1)]),
        ([], []),
    ],
)
def test_limbs_that_fit_stay(limbs, read):
    assert list(load(changed(category(skeleton=limbs))).skeleton.limbs) == read


def test_the_skeleton_in_use_is_taken_where_a_file_has_two():
    def add(content):
        content['categories'].append(dict(id=2, name='dog', keypoints=['nose', 'tail']))

    assert load(changed(add)).skeleton.joint_names == tuple(NAMES)


def test_num_keypoints_stays_as_stated_for_crowdpose_alone():
    file = AnnotationFile('people.json', changed(first(num_keypoints=1)))
    file.check_people(4)
    counts = [
        [a['num_keypoints'] for a in file.people_content(keep)['annotations']]
        for keep in (False, True)
    ]
    assert counts == [[4, 4, 4], [1, 4, 4]]


@pytest.mark.parametrize('value', [2, 2.0, '2', '002.jpg', '002', 'some/folder/002.jpg'])
def test_an_image_is_found_by_what_results_call_it(value):
    images = AnnotationFile('people.json', changed(lambda content: None)).images
    assert images.find(value) == (None if value == 'some/folder/002.jpg' else 2)


def test_a_byte_order_mark_is_no_content(tmp_path):
    path = tmp_path / 'people.json'
    path.write_bytes(b'\xef\xbb\xbf' + json.dumps(changed(lambda content: None)).encode())
    assert len(read_annotations(str(path)).content['images']) == 3
