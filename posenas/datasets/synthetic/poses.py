"""Poses: families of joint angles, from standing to acrobatics."""

from collections.abc import Mapping

import numpy as np

_TRUNK = (
    'yaw', 'pitch', 'roll', 'spine_flex', 'spine_side', 'spine_twist',
    'neck_flex', 'neck_side', 'neck_twist',
)  # fmt: skip
_LIMB = (
    'shoulder_flex', 'shoulder_abd', 'shoulder_twist', 'elbow', 'wrist',
    'hip_flex', 'hip_abd', 'hip_twist', 'knee', 'ankle',
)  # fmt: skip
# Order of the entries of a pose vector; limb angles come as left, right.
ANGLES = _TRUNK + tuple(f'{name}_{side}' for name in _LIMB for side in 'lr')
_INDICES = {name: index for index, name in enumerate(ANGLES)}
_ARMS = np.arange(9, 19)
_SWAP = np.array([*range(9), *(9 + (index ^ 1) for index in range(20))])
_MIRROR_SIGN = np.array([-1, 1, -1, 1, -1, -1, 1, -1, -1] + [1] * 20)

# Degrees that bodies reach: lowest and highest of each angle.
_LIMITS = {
    'spine_flex': (-45, 85), 'spine_side': (-35, 35), 'spine_twist': (-45, 45),
    'neck_flex': (-45, 50), 'neck_side': (-35, 35), 'neck_twist': (-70, 70),
    'shoulder_flex': (-60, 185), 'shoulder_abd': (-35, 175), 'shoulder_twist': (-80, 80),
    'elbow': (0, 148), 'wrist': (-50, 60), 'hip_flex': (-45, 140), 'hip_abd': (-20, 88),
    'hip_twist': (-40, 45), 'knee': (0, 150), 'ankle': (-55, 30),
}  # fmt: skip

# Mean and standard deviation where a family says nothing.
_REST = {
    'yaw': (0, 0), 'pitch': (0, 4), 'roll': (0, 4),
    'spine_flex': (6, 9), 'spine_side': (0, 6), 'spine_twist': (0, 9),
    'neck_flex': (5, 13), 'neck_side': (0, 7), 'neck_twist': (0, 22),
    'shoulder_flex': (6, 16), 'shoulder_abd': (12, 9), 'shoulder_twist': (10, 20),
    'elbow': (22, 18), 'wrist': (5, 15), 'hip_flex': (4, 8), 'hip_abd': (5, 5),
    'hip_twist': (-5, 10), 'knee': (8, 8), 'ankle': (0, 8),
}  # fmt: skip

Spread = tuple[float, float]
Family = Mapping[str, float | Spread | tuple[Spread, Spread]]

# ``share`` is the relative frequency; an entry is (mean, deviation) for both sides or
# ((mean, deviation) left, (mean, deviation) right), in degrees. Sides are exchanged at random.
POSE_FAMILIES: Mapping[str, Family] = {
    'stand': dict(share=6),
    'hands_on_hips': dict(
        share=1.5, shoulder_flex=(-15, 8), shoulder_abd=(45, 8), shoulder_twist=(60, 12),
        elbow=(95, 12),
    ),
    'arms_folded': dict(
        share=1.5, shoulder_flex=(35, 8), shoulder_abd=(5, 6), shoulder_twist=(65, 10),
        elbow=(105, 12),
    ),
    'phone': dict(
        share=1, shoulder_flex=((40, 15), (5, 10)), elbow=((125, 15), (25, 20)),
        shoulder_twist=((35, 15), (10, 15)), neck_flex=(15, 12),
    ),
    'arms_raised': dict(
        share=4, shoulder_flex=(110, 55), shoulder_abd=(30, 30), elbow=(30, 30),
        spine_flex=(-3, 12),
    ),
    'arms_wide': dict(share=3, shoulder_abd=(85, 25), shoulder_flex=(10, 30), elbow=(20, 22)),
    'walk': dict(
        share=5, shoulder_flex=((-24, 12), (26, 12)), elbow=(28, 16), hip_flex=((28, 10), (-14, 9)),
        knee=((14, 12), (26, 18)),
    ),
    'run': dict(
        share=5, pitch=(12, 10), shoulder_flex=((-45, 20), (50, 22)), elbow=(92, 22),
        hip_flex=((65, 22), (-16, 15)), knee=((85, 28), (55, 38)), ankle=(-15, 15),
    ),
    'throw': dict(
        share=2, spine_twist=(15, 20), shoulder_flex=((110, 40), (40, 40)),
        shoulder_abd=((70, 30), (40, 30)), elbow=((70, 40), (40, 35)),
        hip_flex=((35, 25), (-5, 15)), hip_abd=(15, 12), knee=(30, 22),
    ),
    'lunge': dict(
        share=3, hip_flex=((85, 20), (-15, 15)), knee=((85, 25), (35, 30)), hip_abd=(12, 12),
        shoulder_flex=(40, 50), shoulder_abd=(35, 30), elbow=(40, 35), spine_flex=(12, 18),
    ),
    'kick': dict(
        share=3, hip_flex=((90, 30), (2, 12)), hip_abd=((25, 25), (8, 8)),
        knee=((25, 28), (14, 14)), shoulder_abd=(45, 30), shoulder_flex=(10, 40), elbow=(45, 35),
        pitch=(-10, 18), roll=(0, 18),
    ),
    'side_kick': dict(
        share=2, hip_abd=((78, 15), (10, 10)), hip_flex=((20, 25), (5, 12)),
        knee=((25, 28), (14, 12)), roll=(-22, 18), shoulder_abd=(55, 30), elbow=(50, 35),
    ),
    'sit': dict(
        share=5, hip_flex=(86, 12), knee=(85, 18), hip_abd=(14, 10), spine_flex=(14, 14),
        shoulder_flex=(30, 18), elbow=(50, 28), shoulder_twist=(25, 20),
    ),
    'sit_floor': dict(
        share=4, hip_flex=(100, 22), knee=(75, 45), hip_abd=(25, 20), pitch=(-12, 15),
        spine_flex=(22, 18), shoulder_flex=(30, 35), shoulder_abd=(20, 15), elbow=(40, 35),
    ),
    'squat': dict(
        share=5, hip_flex=(112, 20), knee=(118, 22), hip_abd=(20, 16), pitch=(25, 18),
        spine_flex=(22, 18), shoulder_flex=(60, 40), elbow=(45, 35), ankle=(18, 10),
    ),
    'kneel': dict(
        share=2, hip_flex=((85, 20), (5, 15)), knee=((90, 15), (95, 18)), spine_flex=(12, 15),
        shoulder_flex=(35, 25), elbow=(45, 30),
    ),
    'bend': dict(
        share=3, pitch=(40, 18), spine_flex=(45, 20), hip_flex=(45, 20), knee=(25, 22),
        shoulder_flex=(75, 35), elbow=(30, 28), neck_flex=(-10, 20),
    ),
    'star_jump': dict(
        share=3, shoulder_abd=(125, 30), elbow=(18, 18), hip_abd=(40, 18), hip_flex=(10, 20),
        knee=(20, 24), ankle=(-30, 15),
    ),
    'jump': dict(
        share=5, pitch=(5, 22), roll=(0, 14), hip_flex=((70, 40), (20, 40)),
        knee=((75, 38), (65, 40)), shoulder_flex=(70, 60), shoulder_abd=(50, 35), elbow=(45, 35),
        ankle=(-25, 18),
    ),
    'split_leap': dict(
        share=3, hip_flex=((85, 20), (-38, 15)), knee=((12, 18), (20, 24)), hip_abd=(10, 12),
        shoulder_abd=(85, 30), shoulder_flex=(40, 50), elbow=(18, 20), ankle=(-40, 12),
        pitch=(0, 15),
    ),
    'straddle': dict(
        share=2, hip_flex=(75, 25), hip_abd=(68, 15), knee=(8, 12), spine_flex=(20, 20),
        shoulder_flex=(60, 45), shoulder_abd=(40, 35), ankle=(-35, 15), pitch=(0, 30),
    ),
    'tuck': dict(
        share=4, pitch=(40, 110), roll=(0, 35), hip_flex=(120, 15), knee=(120, 22),
        spine_flex=(45, 18), neck_flex=(25, 15), shoulder_flex=(70, 30), elbow=(55, 35),
        hip_abd=(12, 12),
    ),
    'pike': dict(
        share=3, pitch=(20, 110), roll=(0, 25), hip_flex=(115, 20), knee=(8, 12),
        spine_flex=(40, 20), shoulder_flex=(110, 40), elbow=(15, 18), ankle=(-35, 15),
    ),
    'handstand': dict(
        share=4, pitch=(180, 18), roll=(0, 12), shoulder_flex=(170, 14), shoulder_abd=(12, 10),
        elbow=(8, 10), hip_flex=((20, 40), (0, 25)), hip_abd=(18, 22), knee=(25, 35),
        spine_flex=(-8, 14), neck_flex=(-20, 15), ankle=(-35, 15),
    ),
    'cartwheel': dict(
        share=4, roll=(125, 50), shoulder_abd=(145, 25), elbow=(10, 12), hip_abd=(45, 20),
        hip_flex=(5, 22), knee=(14, 18), ankle=(-30, 15), spine_side=(0, 14),
    ),
    'plank': dict(
        share=2.5, pitch=(78, 14), shoulder_flex=(85, 16), elbow=(25, 30), hip_flex=(8, 20),
        knee=(8, 12), ankle=(10, 15), neck_flex=(-20, 15), hip_abd=(8, 9),
    ),
    'bridge': dict(
        share=2, pitch=(-80, 20), spine_flex=(-38, 12), shoulder_flex=(165, 20), hip_flex=(-18, 16),
        knee=(75, 25), neck_flex=(-35, 12), elbow=(15, 15),
    ),
    'lie': dict(
        share=3, pitch=(-88, 12), roll=(0, 25), shoulder_abd=(40, 40), shoulder_flex=(20, 50),
        elbow=(40, 40), hip_flex=(25, 35), knee=(35, 40), hip_abd=(14, 14),
    ),
    'prone': dict(
        share=3, pitch=(85, 18), roll=(0, 25), shoulder_flex=(120, 60), shoulder_abd=(30, 30),
        elbow=(40, 40), hip_flex=(0, 22), knee=(28, 35), spine_flex=(-10, 16), neck_flex=(-20, 20),
    ),
    'hang': dict(
        share=4, roll=(0, 15), pitch=(0, 20), shoulder_flex=(160, 22), shoulder_abd=(15, 14),
        elbow=(40, 38), hip_flex=(45, 45), knee=(50, 45), hip_abd=(14, 14), ankle=(-20, 18),
    ),
    'vault': dict(
        share=4, pitch=(60, 30), roll=(0, 35), shoulder_flex=((70, 25), (20, 60)),
        shoulder_abd=((15, 15), (55, 40)), elbow=(25, 28), hip_flex=(85, 30), hip_abd=(25, 20),
        knee=((60, 40), (75, 40)), ankle=(-15, 18),
    ),
    'climb': dict(
        share=3, pitch=(15, 20), shoulder_flex=((150, 25), (80, 45)), elbow=((40, 35), (80, 35)),
        shoulder_abd=(25, 20), hip_flex=((95, 25), (20, 25)), hip_abd=(25, 18),
        knee=((95, 25), (30, 25)),
    ),
    'arch': dict(
        share=3, pitch=(-60, 90), spine_flex=(-32, 14), shoulder_flex=(150, 30),
        shoulder_abd=(25, 25), hip_flex=(-22, 15), knee=(28, 30), neck_flex=(-30, 15),
        ankle=(-35, 14), elbow=(15, 18),
    ),
    'arabesque': dict(
        share=2.5, pitch=(55, 25), hip_flex=((-30, 12), (50, 25)), knee=((10, 14), (12, 12)),
        shoulder_abd=(80, 30), shoulder_flex=(60, 45), spine_flex=(-15, 14),
        ankle=((-40, 12), (0, 10)),
    ),
    'ride': dict(
        share=3, pitch=(30, 14), spine_flex=(20, 14), hip_flex=((85, 20), (50, 25)),
        hip_abd=(12, 9), knee=((85, 20), (50, 25)), shoulder_flex=(70, 16), elbow=(30, 22),
        neck_flex=(-15, 15),
    ),
    'free': dict(
        share=9, pitch=(0, 100), roll=(0, 60), spine_flex=(8, 28), spine_side=(0, 16),
        spine_twist=(0, 20), neck_flex=(0, 25), shoulder_flex=(65, 65), shoulder_abd=(40, 45),
        shoulder_twist=(5, 35), elbow=(45, 42), hip_flex=(45, 50), hip_abd=(22, 24), knee=(50, 46),
        ankle=(-15, 22), hip_twist=(0, 18),
    ),
}  # fmt: skip


def _limits() -> np.ndarray:
    """Lowest and highest angles in radians, (2, 29)."""
    names = [name[:-2] if name.endswith(('_l', '_r')) else name for name in ANGLES]
    return np.deg2rad([_LIMITS.get(name, (-1e4, 1e4)) for name in names]).T


def _spreads(family: Family) -> np.ndarray:
    """Mean and deviation of every angle in radians, (2, 29)."""
    spreads = np.empty((2, len(ANGLES)))
    for name, rest in _REST.items():
        entry = family.get(name, rest)
        if name in _INDICES:
            spreads[:, _INDICES[name]] = entry
        else:
            sides = entry if isinstance(entry[0], tuple) else (entry, entry)
            for side, spread in zip('lr', sides, strict=True):
                spreads[:, _INDICES[f'{name}_{side}']] = spread
    return np.deg2rad(spreads)


_ALL_SPREADS = np.stack([_spreads(family) for family in POSE_FAMILIES.values()])
_SHARES = np.array([family['share'] for family in POSE_FAMILIES.values()])
_EVERYDAY = (
    'stand', 'hands_on_hips', 'arms_folded', 'phone', 'arms_raised', 'arms_wide', 'walk', 'run',
    'throw', 'lunge', 'kick', 'sit', 'squat', 'kneel', 'bend',
)  # fmt: skip
_IS_EVERYDAY = np.isin(list(POSE_FAMILIES), _EVERYDAY)
#: Relative frequency of the families: 'all' has as many acrobatic poses as upright ones.
POSE_SETS: Mapping[str, np.ndarray] = {
    name: shares / shares.sum()
    for name, shares in (('all', _SHARES), ('everyday', _SHARES * _IS_EVERYDAY))
}
_LOW, _HIGH = _limits()


def mirror_pose(pose: np.ndarray) -> np.ndarray:
    """Exchange left and right of a pose (29,)."""
    return pose[_SWAP] * _MIRROR_SIGN


def sample_pose(rng: np.random.Generator, poses: str = 'all') -> np.ndarray:
    """Draw the angles of one person in radians, (29,).

    A third of the people take the arms from another family, a sixth are half-way between two. The
    yaw goes all round; like most people in photographs, half of them face the camera roughly.

    Args:
        rng: Source of all choices.
        poses: One of ``POSE_SETS``.
    """
    first, second = rng.choice(len(POSE_FAMILIES), size=2, p=POSE_SETS[poses])
    mean, deviation = _ALL_SPREADS[first]
    pose = rng.normal(mean, deviation)
    other = rng.normal(*_ALL_SPREADS[second])
    mixture = rng.random()
    if mixture < 0.33:
        pose[_ARMS] = other[_ARMS]
    elif mixture < 0.5:
        share = rng.random()
        pose[1:] += share * (other[1:] - pose[1:])
    if rng.random() < 0.5:
        pose = mirror_pose(pose)
    pose[0] = rng.normal(0, 0.7) if rng.random() < 0.5 else rng.uniform(-np.pi, np.pi)
    return np.clip(pose, _LOW, _HIGH)
