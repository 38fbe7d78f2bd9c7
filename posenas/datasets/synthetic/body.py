"""Articulated body: proportions, joint angles and forward kinematics.

Body frame: x to the person's left, y up, z forward; lengths are fractions of the standing height.
"""

from dataclasses import dataclass

import numpy as np

BONES = (
    'pelvis', 'abdomen', 'chest', 'neck', 'head',
    'upper_arm_l', 'forearm_l', 'hand_l', 'upper_arm_r', 'forearm_r', 'hand_r',
    'thigh_l', 'shank_l', 'foot_l', 'thigh_r', 'shank_r', 'foot_r',
)  # fmt: skip
BONE_INDICES = {name: index for index, name in enumerate(BONES)}
PARENTS = (-1, 0, 1, 2, 3, 2, 5, 6, 2, 8, 9, 0, 11, 12, 0, 14, 15)

# Limb joints of COCO-17 (from index 5) and the bones that begin at them.
JOINT_BONES = tuple(
    BONE_INDICES[f'{bone}_{side}']
    for bone in ('upper_arm', 'forearm', 'hand', 'thigh', 'shank', 'foot')
    for side in 'lr'
)
# Nose, eyes and ears in the frame of the head, left first.
FACE_POINTS = np.array(
    [
        [0.0, 0.040, 0.073],
        [0.019, 0.060, 0.062],
        [-0.019, 0.060, 0.062],
        [0.046, 0.050, 0.008],
        [-0.046, 0.050, 0.008],
    ]
)


@dataclass(frozen=True)
class BodyShape:
    """Proportions of one person, relative to an average man.

    Args:
        shoulder_width: Half distance of the shoulder joints, fraction of the height.
        hip_width: Half distance of the hip joints, fraction of the height.
        leg: Factor on the length of legs.
        arm: Factor on the length of arms.
        head: Factor on the size of the head.
        girth: Factor on the thickness of limbs.
        belly: Factor on the thickness of the trunk.
        is_female: Whether waist, hips and bust follow the average woman's.
    """

    shoulder_width: float = 0.112
    hip_width: float = 0.050
    leg: float = 1.0
    arm: float = 1.0
    head: float = 1.0
    girth: float = 1.0
    belly: float = 1.0
    is_female: bool = False

    @classmethod
    def sample(cls, rng: np.random.Generator) -> 'BodyShape':
        """Draw a man, a woman (42 % each) or a child."""
        kind = rng.choice(3, p=(0.42, 0.42, 0.16))
        shoulder, hip, head, girth = (
            (0.114, 0.050, 1.0, 1.0),
            (0.102, 0.054, 1.0, 0.9),
            (0.106, 0.050, 1.33, 1.02),
        )[kind]
        vary = np.exp(rng.normal(0, (0.05, 0.06, 0.04, 0.04, 0.06, 0.13, 0.10)))
        return cls(
            shoulder_width=shoulder * vary[0],
            hip_width=hip * vary[1],
            leg=vary[2] * (0.94 if kind == 2 else 1.0),
            arm=vary[3] * (0.95 if kind == 2 else 1.0),
            head=head * vary[4],
            girth=girth * vary[5],
            belly=girth**0.5 * vary[6] * vary[5] ** 0.5,
            is_female=kind == 1 or (kind == 2 and rng.random() < 0.5),
        )

    def offsets(self) -> np.ndarray:
        """Place every bone's origin in the frame of its parent, (17, 3)."""
        shoulder = np.array([self.shoulder_width, 0.138, -0.004])
        hip = np.array([self.hip_width, 0.0, 0.0])
        lengths = (
            (shoulder, 0.180 * self.arm, 0.148 * self.arm),
            (hip, 0.245 * self.leg, 0.246 * self.leg),
        )
        limbs = [
            joint
            for root, upper, lower in lengths
            for side in (1.0, -1.0)
            for joint in (root * (side, 1, 1), (0, -upper, 0), (0, -lower, 0))
        ]
        spine = [[0, 0, 0], [0, 0.07, 0], [0, 0.08, 0], [0, 0.155, -0.006], [0, 0.045, 0.008]]
        return np.array([*spine, *limbs])


@dataclass(frozen=True)
class Posture:
    """Rotation and origin of every bone.

    Args:
        rotations: (17, 3, 3), bone frame to world.
        origins: (17, 3), fractions of the standing height.
    """

    rotations: np.ndarray
    origins: np.ndarray


def rotation_xzy(angles: np.ndarray) -> np.ndarray:
    """Turn angles (..., 3) about x, z, y in radians into matrices ``Rx @ Rz @ Ry``, (..., 3, 3)."""
    (sx, sz, sy), (cx, cz, cy) = (
        np.moveaxis(np.sin(angles), -1, 0),
        np.moveaxis(np.cos(angles), -1, 0),
    )
    rows = (
        (cz * cy, -sz, cz * sy),
        (cx * sz * cy + sx * sy, cx * cz, cx * sz * sy - sx * cy),
        (sx * sz * cy - cx * sy, sx * cz, sx * sz * sy + cx * cy),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _bone_angles(pose: np.ndarray) -> np.ndarray:
    """Spread a pose vector (29,) over the bones: angles about x, z, y, (17, 3); pelvis at rest."""
    angles = np.zeros((len(BONES), 3))
    angles[1:3] = pose[3:6] * (0.5, -0.5, 0.5)
    angles[3:5] = pose[6:9] * (0.5, -0.5, 0.5)
    for side, arm, leg, sign in ((0, 5, 11, 1.0), (1, 8, 14, -1.0)):
        limb = pose[9 + side :: 2]
        angles[arm] = limb[0:3] * (-1, sign, -sign)
        angles[arm + 1, 0] = -limb[3]
        angles[arm + 2, 1] = -sign * limb[4]
        angles[leg] = limb[5:8] * (-1, sign, -sign)
        angles[leg + 1, 0] = limb[8]
        angles[leg + 2, 0] = -limb[9]
    return angles


def pose_body(shape: BodyShape, pose: np.ndarray, view: np.ndarray) -> Posture:
    """Bend the skeleton.

    Args:
        shape: Proportions.
        pose: Angles in radians in the order of ``poses.ANGLES``, (29,).
        view: Rotation of the whole body into the camera's axes, (3, 3).

    Returns:
        Frames of the bones around the pelvis, which stands at the origin.
    """
    local = rotation_xzy(_bone_angles(pose))
    # The pelvis turns about the vertical last: Ry(yaw) Rx(pitch) Rz(roll).
    local[0] = rotation_xzy(np.array([0, 0, pose[0]])) @ rotation_xzy(
        np.array([pose[1], -pose[2], 0.0])
    )
    offsets = shape.offsets()
    for bone, sign in ((5, 1.0), (8, -1.0)):  # a raised arm lifts its shoulder
        lift = 0.5 * (1.0 - local[bone, 1, 1])
        offsets[bone] += (-0.012 * lift * sign, 0.030 * lift, 0.0)
    rotations = np.empty_like(local)
    origins = np.zeros((len(BONES), 3))
    rotations[0] = view @ local[0]
    for bone in range(1, len(BONES)):
        parent = PARENTS[bone]
        rotations[bone] = rotations[parent] @ local[bone]
        origins[bone] = origins[parent] + rotations[parent] @ offsets[bone]
    return Posture(rotations, origins)


def locate_joints(shape: BodyShape, posture: Posture) -> np.ndarray:
    """Find the COCO-17 joints of a bent body in its frame, (17, 3)."""
    head = BONE_INDICES['head']
    face = posture.origins[head] + FACE_POINTS * shape.head @ posture.rotations[head].T
    return np.concatenate([face, posture.origins[list(JOINT_BONES)]])
