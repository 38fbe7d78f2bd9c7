import numpy as np
import pytest

from posenas.datasets.synthetic.body import BodyShape, locate_joints, pose_body
from posenas.datasets.synthetic.poses import ANGLES, POSE_FAMILIES, mirror_pose, sample_pose
from posenas.skeletons import COCO

JOINTS = {name: index for index, name in enumerate(COCO.joint_names)}
SHAPE = BodyShape()


def joints(**degrees):
    """Joints of an upright body with the named angles, others 0."""
    pose = np.zeros(len(ANGLES))
    for name, angle in degrees.items():
        pose[ANGLES.index(name)] = np.deg2rad(angle)
    return locate_joints(SHAPE, pose_body(SHAPE, pose, np.eye(3)))


def test_at_rest_the_left_is_left_and_the_nose_points_to_the_camera():
    rest = joints()
    for part in ('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'):
        assert rest[JOINTS[f'left_{part}'], 0] > 0 > rest[JOINTS[f'right_{part}'], 0]
    assert rest[JOINTS['nose'], 2] > rest[JOINTS['left_ear'], 2]
    height = rest[:, 1]
    assert height[JOINTS['nose']] > height[JOINTS['left_shoulder']] > height[JOINTS['left_hip']]
    assert height[JOINTS['left_hip']] > height[JOINTS['left_knee']] > height[JOINTS['left_ankle']]


@pytest.mark.parametrize(
    ('angle', 'moved', 'origin', 'axis', 'sign'),
    [
        ('hip_flex_l', 'left_knee', 'left_hip', 2, 1),
        ('hip_abd_l', 'left_knee', 'left_hip', 0, 1),
        ('hip_abd_r', 'right_knee', 'right_hip', 0, -1),
        ('knee_r', 'right_ankle', 'right_knee', 2, -1),
        ('shoulder_flex_r', 'right_elbow', 'right_shoulder', 2, 1),
        ('shoulder_abd_l', 'left_elbow', 'left_shoulder', 0, 1),
        ('elbow_l', 'left_wrist', 'left_elbow', 2, 1),
        ('spine_flex', 'left_shoulder', 'left_hip', 2, 1),
        ('neck_flex', 'nose', 'left_ear', 1, -1),
    ],
)
def test_an_angle_moves_its_joint_the_anatomical_way(angle, moved, origin, axis, sign):
    bent, rest = joints(**{angle: 60}), joints()
    moved, origin = JOINTS[moved], JOINTS[origin]
    offset = (bent[moved] - bent[origin]) - (rest[moved] - rest[origin])
    assert sign * offset[axis] > 0.02


def test_bones_keep_their_length_in_every_pose():
    rng = np.random.default_rng(0)
    limbs = [(5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16), (11, 12)]
    rest = joints()
    for _ in range(50):
        posed = locate_joints(SHAPE, pose_body(SHAPE, sample_pose(rng), np.eye(3)))
        for a, b in limbs:
            expected = np.linalg.norm(rest[a] - rest[b])
            assert np.linalg.norm(posed[a] - posed[b]) == pytest.approx(expected)


def test_a_mirrored_pose_mirrors_the_joints():
    pose = sample_pose(np.random.default_rng(3))
    one, other = (
        locate_joints(SHAPE, pose_body(SHAPE, angles, np.eye(3)))
        for angles in (pose, mirror_pose(pose))
    )
    np.testing.assert_allclose(other[list(COCO.flip_indices)], one * (-1, 1, 1), atol=1e-12)


def test_poses_are_varied_and_within_the_limits_of_bodies():
    rng = np.random.default_rng(1)
    poses = np.rad2deg([sample_pose(rng) for _ in range(500)])
    knees = poses[:, [ANGLES.index('knee_l'), ANGLES.index('knee_r')]]
    assert knees.min() >= 0
    assert knees.max() <= 150
    assert np.ptp(poses[:, ANGLES.index('yaw')]) > 350
    upright = np.mean([joints_y > 0 for joints_y in map(head_height, np.deg2rad(poses))])
    assert 0.5 < upright < 0.95
    assert len(POSE_FAMILIES) > 20


def head_height(pose):
    located = locate_joints(SHAPE, pose_body(SHAPE, pose, np.eye(3)))
    return located[JOINTS['nose'], 1] - located[[11, 12], 1].mean()
