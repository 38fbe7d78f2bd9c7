"""Joints move between skeletons by name and come back."""

import numpy as np
import pytest

from posenas.geometry import convert_keypoints
from posenas.skeletons import COCO, MPII, POSETRACK17, POSETRACK18, match_joints


@pytest.mark.parametrize(
    ('first', 'second', 'num_shared'),
    [
        (COCO, POSETRACK18, 15),
        (COCO, POSETRACK17, 13),
        (POSETRACK18, POSETRACK17, 15),
        (MPII, POSETRACK17, 14),
        (COCO, COCO, 17),
    ],
    ids=lambda value: getattr(value, 'name', None),
)
def test_shared_joints_come_back(first, second, num_shared):
    there = match_joints(first.joint_names, second.joint_names)
    back = match_joints(second.joint_names, first.joint_names)
    assert len(there) == num_shared
    assert sorted(there) == sorted((i, j) for j, i in back)
    points = np.random.default_rng(0).uniform(1, 99, (3, first.num_joints, 2))
    levels = np.ones(points.shape[:2])
    moved = convert_keypoints(points, levels, second.num_joints, there)
    assert (moved[1].sum(1) == num_shared).all()
    returned, shared = convert_keypoints(*moved, first.num_joints, back)
    np.testing.assert_array_equal(returned, points * shared[..., None])


def test_necks_and_tops_of_heads_are_one_joint_by_any_name():
    assert match_joints(['head_bottom', 'head_top'], ['top_head', 'neck']) == [(1, 0), (0, 1)]
    assert match_joints(POSETRACK18.joint_names, POSETRACK17.joint_names)[-3:] == [
        (1, 12),
        (0, 13),
        (2, 14),
    ]


def test_skeletons_without_common_joints_share_none():
    assert match_joints(['thumb'], ['nose']) == []
