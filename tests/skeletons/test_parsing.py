import subprocess
import sys

import pytest

from posenas.skeletons import (
    COCO,
    CROWDPOSE,
    LSP,
    SKELETONS,
    get_skeleton,
    skeleton_from_category,
    skeleton_from_metainfo,
)
from posenas.utils.errors import ConfigError, DataError


def test_unknown_names_are_refused_with_the_choices():
    with pytest.raises(ConfigError, match='crowdpose'):
        get_skeleton('dog')


@pytest.mark.parametrize('name', sorted(SKELETONS))
def test_a_category_with_known_joints_gives_the_built_in_skeleton(name):
    stale = [[16, 14], [14, 12]]
    category = dict(keypoints=list(SKELETONS[name].joint_names), skeleton=stale)
    assert skeleton_from_category(category) is SKELETONS[name]


def test_any_category_gives_pairs_by_name_and_limbs_from_one():
    category = dict(keypoints=['tail', 'left_paw', 'right_paw', 'paw_l'], skeleton=[[1, 2], [1, 3]])
    with pytest.raises(DataError, match='both ways'):
        skeleton_from_category(category)
    category['keypoints'] = ['tail', 'left_paw', 'right_paw', 'left_hip']
    skeleton = skeleton_from_category(category, 'dog')
    assert skeleton.flip_indices == (0, 2, 1, 3)
    assert skeleton.limbs == ((0, 1), (0, 2))
    assert skeleton.lower_body_ids == (3,)


def test_pairs_that_the_category_states_are_taken():
    category = dict(keypoints=['a', 'b', 'c'], flip_indices=[2, 1, 0])
    assert skeleton_from_category(category).flip_indices == (2, 1, 0)


@pytest.mark.parametrize('pairs', [[0, 1], [1, 2, 0], ['x', 1, 0], 7])
def test_pairs_that_fit_no_joints_are_data_errors(pairs):
    with pytest.raises(DataError, match='flip_indices'):
        skeleton_from_category(dict(keypoints=['a', 'b', 'c'], flip_indices=pairs))


@pytest.mark.parametrize(
    'category',
    [
        {},
        dict(keypoints='nose'),
        dict(keypoints=[]),
        dict(keypoints=['a', 'b'], skeleton=[[1, 3]]),
        dict(keypoints=['a', 'b'], skeleton=[[0, 1]]),
        dict(keypoints=['a', 'b'], skeleton=[1, 2]),
        dict(keypoints=['a', 'b'], skeleton=[['x', 'y']]),
        dict(keypoints=['a', 'b'], skeleton=7),
        dict(keypoints=['a', 'a']),
    ],
)
def test_malformed_categories_are_data_errors(category):
    with pytest.raises(DataError, match='categories'):
        skeleton_from_category(category)


@pytest.mark.parametrize(
    'metainfo',
    [
        dict(from_file='configs/_base_/datasets/coco.py'),
        dict(dataset_name='coco'),
        COCO.metainfo(),
    ],
)
def test_metainfo_names_a_built_in_skeleton(metainfo):
    assert skeleton_from_metainfo(metainfo) == COCO


INFO = dict(
    dataset_name='toy',
    keypoint_info={
        0: dict(name='nose', id=0, color=[1, 2, 3], type='upper', swap=''),
        1: dict(name='left_toe', id=1, color=[4, 5, 6], type='lower', swap='right_toe'),
        2: dict(name='right_toe', id=2, color=[7, 8, 9], type='lower', swap='left_toe'),
    },
    skeleton_info={0: dict(link=('nose', 'left_toe'), id=0, color=[9, 9, 9])},
    joint_weights=[1.0, 2.0, 2.0],
    sigmas=[0.1, 0.2, 0.2],
)


def test_metainfo_in_mmpose_form_is_read():
    skeleton = skeleton_from_metainfo(INFO)
    assert skeleton.name == 'toy'
    assert skeleton.flip_indices == (0, 2, 1)
    assert skeleton.limbs == ((0, 1),)
    assert skeleton.limb_colors == ((9, 9, 9),)
    assert skeleton.joint_colors == ((1, 2, 3), (4, 5, 6), (7, 8, 9))
    assert skeleton.sigmas == (0.1, 0.2, 0.2)
    assert skeleton.joint_weights == (1.0, 2.0, 2.0)
    assert (skeleton.upper_body_ids, skeleton.lower_body_ids) == ((0,), (1, 2))


def test_metainfo_is_read_from_a_file(tmp_path):
    path = tmp_path / 'toy.py'
    path.write_text(f'dataset_info = {INFO!r}\n')
    assert skeleton_from_metainfo(dict(from_file=str(path))) == skeleton_from_metainfo(INFO)


def test_a_metainfo_file_without_dataset_info_is_refused(tmp_path):
    path = tmp_path / 'toy.py'
    path.write_text('joints = 3\n')
    with pytest.raises(ConfigError, match='dataset_info'):
        skeleton_from_metainfo(dict(from_file=str(path)))


@pytest.mark.parametrize(
    'change',
    [
        dict(keypoint_info={0: dict(id=0)}),
        dict(keypoint_info=[1]),
        dict(skeleton_info={0: dict(link=('nose', 'tail'))}),
        dict(sigmas=[0.1]),
        dict(joint_weights=[1.0]),
    ],
)
def test_malformed_metainfo_is_a_config_error(change):
    with pytest.raises(ConfigError, match='metainfo'):
        skeleton_from_metainfo({**INFO, **change})


def test_metainfo_without_any_skeleton_is_refused():
    with pytest.raises(ConfigError, match='skeleton must be one of'):
        skeleton_from_metainfo(dict(classes=('person',)))


def test_metainfo_holds_only_plain_data():
    def plain(value):
        if isinstance(value, dict):
            return all(plain(k) and plain(v) for k, v in value.items())
        if isinstance(value, tuple):
            return all(map(plain, value))
        return isinstance(value, str | int | float)

    assert plain(LSP.metainfo())
    assert CROWDPOSE.metainfo()['num_keypoints'] == 14


def test_skeletons_and_geometry_do_not_load_torch():
    code = 'import sys, posenas.skeletons, posenas.geometry; sys.exit("torch" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0
