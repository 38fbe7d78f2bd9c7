import pytest
from skeletons.public_skeletons import NAMED

from posenas.skeletons import is_numbered, mirror_indices, split_side, split_sides


@pytest.mark.parametrize('name', NAMED)
def test_public_skeletons_are_paired_as_their_definitions_say(name):
    joints, pairs = NAMED[name]
    names = joints.split(', ')
    found = [(i, j) for i, j in enumerate(mirror_indices(names)) if i < j]
    assert found == sorted(pairs)


@pytest.mark.parametrize(
    ('name', 'side', 'part'),
    [
        ('leftknee', 'left', 'knee'),
        ('eyeR', 'right', 'eye'),
        ('forelegL3', 'left', 'foreleg_3'),
        ('L_EarBase', 'left', 'ear_base'),
        ('front_left_paw', 'left', 'front_paw'),
        ('Hand.R.001', 'right', 'hand_001'),
        ('mixamorig:LeftArm', 'left', 'mixamorig_arm'),
        ('RIGHT_HIP', 'right', 'hip'),
        ('épaule gauche', 'left', 'épaule'),
        ('rodilla derecha', 'right', 'rodilla'),
        ('左膝', 'left', '膝'),
        ('lip', '', 'lip'),
        ('ring_finger1', '', 'ring_finger1'),
        ('upright', '', 'upright'),
        ('rib', '', 'rib'),
    ],
)
def test_side_is_read_from_the_name(name, side, part):
    assert split_side(name) == (side, part)


def test_a_glued_letter_is_a_side_only_where_both_sides_have_it():
    names = ['lip', 'rib', 'lhip', 'rhip', 'kneel', 'kneer', 'rear', 'handleft', 'handright']
    assert split_sides(names) == [
        ('', 'lip'),
        ('', 'rib'),
        ('left', 'hip'),
        ('right', 'hip'),
        ('left', 'knee'),
        ('right', 'knee'),
        ('', 'rear'),
        ('left', 'hand'),
        ('right', 'hand'),
    ]
    assert mirror_indices(names) == (0, 1, 3, 2, 5, 4, 6, 8, 7)


@pytest.mark.parametrize('name', ['kpt-7', '12', 'face_12', 'Joint 3', 'landmark68', 'p_0'])
def test_numbers_tell_no_part(name):
    assert is_numbered(name)


@pytest.mark.parametrize('name', ['thumb1', 'nose', 'spine_2', 'left_3', 'face', 'L5'])
def test_other_names_tell_a_part(name):
    assert not is_numbered(name)
