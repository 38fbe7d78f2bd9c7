import dataclasses

import numpy as np
import pytest

from posenas.skeletons import COCO, LSP, SKELETONS, make_skeleton, split_side

BLUE, GREEN, ORANGE = (51, 153, 255), (0, 255, 0), (255, 128, 0)


@pytest.mark.parametrize(
    ('name', 'side', 'part'),
    [
        ('left_knee', 'left', 'knee'),
        ('RightKnee', 'right', 'knee'),
        ('right elbow', 'right', 'elbow'),
        ('l_wrist', 'left', 'wrist'),
        ('R.Ankle', 'right', 'ankle'),
        ('LShoulder', 'left', 'shoulder'),
        ('ankle_right', 'right', 'ankle'),
        ('knee-l', 'left', 'knee'),
        ('head_top', '', 'head_top'),
        ('nose', '', 'nose'),
        ('root', '', 'root'),
    ],
)
def test_side_is_read_from_the_name(name, side, part):
    assert split_side(name) == (side, part)


@pytest.mark.parametrize('name', sorted(SKELETONS))
def test_every_left_joint_has_a_right_partner_of_the_same_part(name):
    skeleton = SKELETONS[name]
    for i, j in enumerate(skeleton.flip_indices):
        side, part = split_side(skeleton.joint_names[i])
        other, other_part = split_side(skeleton.joint_names[j])
        assert part == other_part
        assert {side, other} in ({'left', 'right'}, {''})


def test_symmetries_of_coco_are_the_recorded_ones(golden_dir):
    recorded = np.load(golden_dir / 'pipeline' / 'flip.npz')
    assert COCO.flip_indices == tuple(recorded['v1_flip_indices'])
    assert COCO.flip_pairs == tuple(map(tuple, recorded['flip_pairs']))


@pytest.mark.parametrize('name', sorted(SKELETONS))
def test_the_body_halves_share_out_all_joints(name):
    skeleton = SKELETONS[name]
    halves = (*skeleton.upper_body_ids, *skeleton.lower_body_ids)
    assert sorted(halves) == list(range(skeleton.num_joints))


@pytest.mark.parametrize('name', sorted(SKELETONS))
def test_mirroring_maps_limbs_to_limbs(name):
    skeleton = SKELETONS[name]
    limbs = {frozenset(limb) for limb in skeleton.limbs}
    mirrored = {frozenset(skeleton.flip_indices[i] for i in limb) for limb in limbs}
    assert mirrored == limbs


@pytest.mark.parametrize(
    ('name', 'num_joints', 'num_limbs', 'num_pairs'),
    [
        ('coco', 17, 19, 8),
        ('lsp', 14, 14, 6),
        ('mpii', 16, 15, 6),
        ('posetrack17', 15, 16, 6),
        ('posetrack18', 17, 16, 7),
        ('crowdpose', 14, 15, 6),
        ('jhmdb', 15, 14, 6),
    ],
)
def test_skeletons_have_their_published_size(name, num_joints, num_limbs, num_pairs):
    skeleton = SKELETONS[name]
    sizes = (skeleton.num_joints, len(skeleton.limbs), len(skeleton.flip_pairs))
    assert sizes == (num_joints, num_limbs, num_pairs)


def test_coco_has_its_published_constants():
    assert COCO.sigmas == (
        *(0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072),
        *(0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    )
    assert COCO.joint_weights == (*[1.0] * 7, 1.2, 1.2, 1.5, 1.5, 1.0, 1.0, 1.2, 1.2, 1.5, 1.5)
    assert COCO.flip_pairs == tuple((i, i + 1) for i in range(1, 17, 2))
    assert COCO.lower_body_ids == tuple(range(11, 17))


def test_coco_is_drawn_in_the_usual_colours():
    assert COCO.limb_colors == (
        *(GREEN, GREEN, ORANGE, ORANGE, BLUE, BLUE, BLUE, BLUE),
        *(GREEN, ORANGE, GREEN, ORANGE, *[BLUE] * 7),
    )
    assert COCO.joint_colors == (*[BLUE] * 5, *[GREEN, ORANGE] * 6)


def test_lsp_has_the_sigmas_of_its_readme():
    assert LSP.sigmas == (
        *(0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.062),
        *(0.072, 0.079, 0.079, 0.072, 0.062, 0.079, 0.079),
    )


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        (dict(sigmas=(0.1,)), 'sigmas of skeleton'),
        (dict(flip_indices=(1, 0, 3, 2)), 'flip_indices'),
        (dict(flip_indices=(1, 2, 0)), 'both ways'),
        (dict(limbs=((0, 7),), limb_colors=(BLUE,)), 'limbs'),
        (dict(joint_names=('nose', 'nose', 'left_eye')), 'must differ'),
    ],
)
def test_contradictory_records_are_refused(change, text):
    skeleton = make_skeleton('three', ('nose', 'left_eye', 'right_eye'))
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(skeleton, **change)


def test_joint_index_names_the_joints_it_knows():
    assert COCO.joint_index('left_hip') == 11
    with pytest.raises(ValueError, match='left_hip'):
        COCO.joint_index('tail')


def test_a_joint_without_partner_keeps_its_place():
    assert make_skeleton('odd', ('left_horn', 'nose')).flip_indices == (0, 1)


def test_a_skeleton_of_some_keypoints_keeps_what_joins_them():
    kept = COCO.select([6, 8, 5])  # right shoulder and elbow, left shoulder
    assert kept.joint_names == ('right_shoulder', 'right_elbow', 'left_shoulder')
    assert kept.flip_indices == (2, 1, 0)
    assert {frozenset(limb) for limb in kept.limbs} == {frozenset({0, 1}), frozenset({0, 2})}
    assert kept.upper_body_ids == (2, 0, 1)
    assert kept.sigmas == tuple(COCO.sigmas[joint] for joint in (6, 8, 5))
    for wrong in ([17], [-1], [3, 3]):
        with pytest.raises(ValueError, match='must be different ones of 0 to 16'):
            COCO.select(wrong)
