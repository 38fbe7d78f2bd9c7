"""Groups of keypoints by size, occlusion and pose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posenas.evaluation.functional import group_by_difficulty, tabulate
from posenas.skeletons import COCO


def tabulate_people(keypoints, sides):
    """Tabulate people (G, 17, 3) in square boxes, all in one image."""
    people = [
        dict(
            id=i,
            image_id=1,
            category_id=1,
            keypoints=points.ravel().tolist(),
            num_keypoints=int((points[:, 2] > 0).sum()),
            bbox=[0, 0, side, side],
            area=side**2,
            iscrowd=0,
            ignore=0,
        )
        for i, (points, side) in enumerate(zip(keypoints, sides, strict=True))
    ]
    truth = dict(images=[dict(id=1)], categories=[dict(id=1)], annotations=people)
    return tabulate(truth, [], 17)


def stand(degrees):
    """Return a person (17, 3) with a torso that is turned; the rest lies in the middle."""
    points = np.full((17, 3), [50.0, 50.0, 2])
    turn = np.radians(degrees)
    for name, across in dict(left_shoulder=1, right_shoulder=-1).items():
        points[COCO.joint_names.index(name), :2] = [
            50 + 30 * np.sin(turn) + across,
            50 - 30 * np.cos(turn),
        ]
    return points


@pytest.mark.parametrize(
    ('degrees', 'group'), [(0, 'upright'), (-40, 'upright'), (90, 'lying'), (-170, 'upside down')]
)
def test_poses_are_told_by_the_torso(degrees, group):
    groups = group_by_difficulty(tabulate_people([stand(degrees)], [100]), COCO.joint_names)
    assert [*groups['pose']] == [group]
    assert groups['pose'][group].all()


def test_without_a_torso_no_pose_is_known():
    points = stand(0)
    points[COCO.joint_names.index('left_hip'), 2] = 0
    assert 'pose' not in group_by_difficulty(tabulate_people([points], [100]), COCO.joint_names)
    assert 'pose' not in group_by_difficulty(tabulate_people([stand(0)], [100]), ['a'] * 17)


@given(
    st.lists(
        st.tuples(
            st.floats(-180, 180), st.floats(1, 900), st.lists(st.integers(0, 2), min_size=17)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_labelled_keypoint_is_in_one_group_of_size_and_of_occlusion(people):
    keypoints = [stand(degrees) for degrees, _, _ in people]
    for points, (_, _, seen) in zip(keypoints, people, strict=True):
        points[:, 2] = seen[:17]
    table = tabulate_people(keypoints, [side for _, side, _ in people])
    labelled = (table.truth[..., 2] > 0) & table.counted[:, None]
    groups = group_by_difficulty(table, COCO.joint_names)
    for kind in ('size', 'occlusion'):
        members = sum((part.astype(int) for part in groups.get(kind, {}).values()), 0 * labelled)
        assert np.array_equal(members, labelled.astype(int))
    members = sum((part.astype(int) for part in groups.get('pose', {}).values()), 0 * labelled)
    assert np.all(members <= labelled)
