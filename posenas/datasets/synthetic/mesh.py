"""Skin and clothes: tubes of rings around the bones, bent with the body."""

from dataclasses import dataclass

import numpy as np

from posenas.datasets.synthetic.body import BONE_INDICES, BodyShape, Posture

PARTS = (
    'torso', 'neck', 'head', 'hair', 'ear_l', 'ear_r', 'skirt',
    'upper_arm_l', 'forearm_l', 'hand_l', 'thumb_l', 'upper_arm_r', 'forearm_r', 'hand_r',
    'thumb_r',
    'thigh_l', 'shank_l', 'foot_l', 'thigh_r', 'shank_r', 'foot_r',
)  # fmt: skip
PART_INDICES = {name: index for index, name in enumerate(PARTS)}

# Profiles: rows (position along the bone, offset forward, half width, half depth). Positions of
# limbs are shares of the bone's length, all else fractions of the height.
_TORSO = (
    (-0.078, 0.000, 0.010, 0.020), (-0.066, -0.004, 0.050, 0.045), (-0.030, -0.006, 0.092, 0.063),
    (0.010, -0.006, 0.098, 0.067), (0.050, -0.002, 0.092, 0.061), (0.090, 0.002, 0.083, 0.056),
    (0.130, 0.003, 0.082, 0.057), (0.170, 0.004, 0.089, 0.061), (0.210, 0.004, 0.099, 0.065),
    (0.250, 0.000, 0.106, 0.061), (0.280, -0.004, 0.103, 0.049), (0.302, -0.006, 0.070, 0.037),
    (0.318, -0.006, 0.036, 0.031), (0.330, -0.005, 0.010, 0.010),
)  # fmt: skip
_NECK = (
    (-0.020, 0, 0.034, 0.034), (0.015, 0, 0.030, 0.031), (0.050, 0.002, 0.029, 0.031),
    (0.07, 0.01, 0.02, 0.02),
)  # fmt: skip
_HEAD = (
    (-0.016, 0.036, 0.006, 0.008), (-0.012, 0.034, 0.018, 0.022), (0.002, 0.026, 0.031, 0.036),
    (0.022, 0.018, 0.040, 0.047), (0.046, 0.012, 0.045, 0.055), (0.070, 0.008, 0.047, 0.059),
    (0.092, 0.006, 0.044, 0.055), (0.109, 0.004, 0.034, 0.043), (0.119, 0.003, 0.019, 0.024),
    (0.122, 0.003, 0.004, 0.005),
)  # fmt: skip
_HAIR = (
    (0.105, -0.028, 0.010, 0.010), (0.080, -0.042, 0.036, 0.018), (0.040, -0.048, 0.042, 0.018),
    (0.000, -0.048, 0.044, 0.017), (-0.040, -0.050, 0.045, 0.016), (-0.080, -0.054, 0.038, 0.012),
    (-0.100, -0.055, 0.012, 0.006),
)  # fmt: skip
_EAR = (
    (0.072, -0.002, 0.002, 0.004), (0.064, -0.004, 0.005, 0.010), (0.046, 0.0, 0.005, 0.009),
    (0.034, 0.004, 0.002, 0.003),
)  # fmt: skip
_SKIRT = (
    (0.085, 0.0, 0.085, 0.060), (0.040, -0.002, 0.100, 0.068), (-0.020, -0.004, 0.112, 0.080),
    (-0.080, 0.0, 0.122, 0.088), (-0.140, 0.0, 0.128, 0.092), (-0.190, 0.0, 0.132, 0.094),
)  # fmt: skip
_UPPER_ARM = (
    (-0.20, 0, 0.004, 0.004), (-0.16, 0, 0.020, 0.022), (-0.05, 0, 0.032, 0.034),
    (0.12, 0, 0.034, 0.036), (0.35, 0, 0.029, 0.033), (0.62, 0, 0.026, 0.029),
    (0.90, 0, 0.024, 0.024), (1.03, 0, 0.021, 0.021), (1.10, 0, 0.010, 0.010),
    (1.13, 0, 0.003, 0.003),
)  # fmt: skip
_FOREARM = (
    (-0.11, 0, 0.004, 0.004), (-0.07, 0, 0.016, 0.016), (0.03, 0, 0.024, 0.024),
    (0.20, 0, 0.026, 0.027), (0.45, 0, 0.022, 0.024), (0.75, 0, 0.017, 0.019),
    (0.95, 0, 0.014, 0.017), (1.04, 0, 0.010, 0.013), (1.07, 0, 0.003, 0.003),
)  # fmt: skip
_HAND = (
    (-0.014, 0, 0.006, 0.008), (0.000, 0, 0.011, 0.016), (0.020, 0.002, 0.012, 0.022),
    (0.046, 0.002, 0.012, 0.024), (0.072, 0, 0.009, 0.021), (0.094, -0.002, 0.006, 0.014),
    (0.104, -0.003, 0.002, 0.004),
)  # fmt: skip
_THUMB = (
    (0.010, 0.012, 0.004, 0.005), (0.022, 0.024, 0.007, 0.008), (0.042, 0.034, 0.006, 0.007),
    (0.058, 0.038, 0.002, 0.002),
)  # fmt: skip
_THIGH = (
    (-0.26, 0, 0.006, 0.006), (-0.20, -0.004, 0.034, 0.038), (-0.06, -0.006, 0.052, 0.060),
    (0.08, -0.004, 0.055, 0.061), (0.28, 0.002, 0.051, 0.055), (0.52, 0.003, 0.044, 0.047),
    (0.76, 0.002, 0.036, 0.038), (0.94, 0.002, 0.032, 0.034), (1.06, 0.002, 0.027, 0.029),
    (1.13, 0.002, 0.010, 0.010), (1.15, 0.002, 0.003, 0.003),
)  # fmt: skip
_SHANK = (
    (-0.11, 0, 0.004, 0.004), (-0.07, 0, 0.020, 0.020), (0.02, -0.001, 0.030, 0.031),
    (0.14, -0.006, 0.032, 0.035), (0.30, -0.008, 0.032, 0.036), (0.50, -0.005, 0.027, 0.030),
    (0.74, -0.001, 0.020, 0.022), (0.92, 0, 0.018, 0.021), (1.03, 0, 0.018, 0.020),
    (1.09, 0, 0.005, 0.005),
)  # fmt: skip
# Along the sole, heel to toes: (position forward, offset down, half width, half height).
_FOOT = (
    (-0.044, -0.018, 0.004, 0.006), (-0.038, -0.016, 0.019, 0.021), (-0.012, -0.010, 0.022, 0.029),
    (0.020, -0.014, 0.024, 0.025), (0.055, -0.022, 0.028, 0.017), (0.086, -0.027, 0.027, 0.012),
    (0.106, -0.029, 0.019, 0.009), (0.114, -0.030, 0.006, 0.004),
)  # fmt: skip

_PROFILES = dict(
    torso=_TORSO, neck=_NECK, head=_HEAD, hair=_HAIR, ear=_EAR, skirt=_SKIRT, upper_arm=_UPPER_ARM,
    forearm=_FOREARM, hand=_HAND, thumb=_THUMB, thigh=_THIGH, shank=_SHANK, foot=_FOOT,
)  # fmt: skip
_SCALED_BY_LENGTH = {'upper_arm': 0.180, 'forearm': 0.148, 'thigh': 0.245, 'shank': 0.246}
_PART_BONES = {'torso': 'pelvis', 'hair': 'head', 'ear': 'head', 'skirt': 'pelvis', 'thumb': 'hand'}

_ABDOMEN = 0.07  # height of the abdomen's joint over the hips

# Parts through which the nearest surface at a COCO-17 joint shows that joint.
_JOINT_PARTS = (
    ('head',), ('head',), ('head',), ('head', 'ear_l', 'hair'), ('head', 'ear_r', 'hair'),
    *(('torso', f'upper_arm_{s}', 'hair') for s in 'lr'),
    *((f'upper_arm_{s}', f'forearm_{s}') for s in 'lr'),
    *((f'forearm_{s}', f'hand_{s}', f'thumb_{s}') for s in 'lr'),
    *(('torso', 'skirt', f'thigh_{s}') for s in 'lr'),
    *(('skirt', f'thigh_{s}', f'shank_{s}') for s in 'lr'),
    *((f'shank_{s}', f'foot_{s}') for s in 'lr'),
)  # fmt: skip
JOINT_PARTS = np.array(
    [[part in parts for part in PARTS] for parts in _JOINT_PARTS]
)  # (17, parts) bool


@dataclass(frozen=True)
class RingTable:
    """All rings of the body in the rest pose, part after part.

    Args:
        part: Index into ``PARTS``, (R,).
        bones: Bones that carry the ring, (R, 2).
        blend: Share of the second bone, (R,).
        position: Position of the profile, (R,); see the profiles.
        center: Centre in the frame of the first bone, (R, 3).
        radii: Half width and half depth, (R, 2).
        axes: Unit vectors of width and depth, (R, 2, 3).
        first: Rings that are followed by another of their part, (F,).
        outward: +1 where the order of the ring's points makes normals point outward, else -1, (F,).
    """

    part: np.ndarray
    bones: np.ndarray
    blend: np.ndarray
    position: np.ndarray
    center: np.ndarray
    radii: np.ndarray
    axes: np.ndarray
    first: np.ndarray
    outward: np.ndarray


@dataclass(frozen=True)
class Fit:
    """How clothes and hair change the surface.

    Args:
        loose: Cloth beyond the skin, fraction of the height, (R,).
        folds: Relative height of folds, (R,).
        scale: Factor on the radii; 0 removes a part, (R,).
    """

    loose: np.ndarray
    folds: np.ndarray
    scale: np.ndarray


def _part_rows(part: str) -> list[tuple]:
    """List one part's rings as rows of the table."""
    stem, _, side = part.rpartition('_') if part[-2:] in ('_l', '_r') else (part, '', '')
    name = _PART_BONES.get(stem, stem)
    bone = BONE_INDICES[name if name in ('pelvis', 'head', 'neck') else f'{name}_{side}']
    length = _SCALED_BY_LENGTH.get(stem)
    direction = -1 if length or stem in ('hand', 'thumb') else 1
    rows = []
    for position, forward, width, depth in _PROFILES[stem]:
        along = direction * position * (length or 1)
        center = [0.0, along, forward]
        axes = ((1, 0, 0), (0, 0, 1))
        if stem == 'foot':
            center, axes = [0.0, forward, position], ((1, 0, 0), (0, 1, 0))
        if stem == 'ear':
            center[0] = 0.046 * {'l': 1, 'r': -1}[side]
        first, second, blend = bone, bone, 0.0
        if stem == 'torso':
            first, second, blend = _spine_blend(position)
        rows.append(
            (PART_INDICES[part], first, second, blend, position, center, (width, depth), axes)
        )
    return rows


def _spine_blend(height: float) -> tuple[int, int, float]:
    """Share a ring of the trunk at ``height`` over the hips between the bones of the spine."""
    if height < 0.10:
        return 0, 1, float(np.clip((height - 0.03) / 0.07, 0, 1))
    return 1, 2, float(np.clip((height - 0.10) / 0.09, 0, 1))


def _build_table() -> RingTable:
    """Assemble :data:`RINGS`."""
    rows = [row for part in PARTS for row in _part_rows(part)]
    part, bone, other, blend, position, center, radii, axes = map(np.array, zip(*rows, strict=True))
    first = np.flatnonzero(part[:-1] == part[1:])
    # Widths x depths = (x, z) run clockwise seen along +y, (x, y) counter-clockwise along +z.
    along = np.einsum(
        'fi,fi->f', np.cross(axes[first, 0], axes[first, 1]), (center[first + 1] - center[first])
    )
    center[(part == PART_INDICES['torso']) & (bone == BONE_INDICES['abdomen']), 1] -= _ABDOMEN
    return RingTable(
        part, np.stack([bone, other], axis=1), blend, position, center.astype(float),
        radii.astype(float), axes.astype(float), first, np.sign(along),
    )  # fmt: skip


RINGS = _build_table()


def _is(*names: str) -> np.ndarray:
    """Mark the rings of the parts whose name begins with one of ``names``, (R,)."""
    wanted = [index for index, part in enumerate(PARTS) if part.startswith(names)]
    return np.isin(RINGS.part, wanted)


_TRUNK_RINGS, _HEAD_RINGS = _is('torso', 'skirt'), _is('head', 'hair', 'ear')
_LIMB_RINGS = _is('upper', 'fore', 'thigh', 'shank', 'neck')
_ARM_RINGS, _LEG_RINGS = _is('upper', 'fore'), _is('thigh', 'shank')
_TORSO_RINGS = _is('torso')
_SKIRT_RINGS = np.flatnonzero(_is('skirt'))


def build_rings(shape: BodyShape) -> tuple[np.ndarray, np.ndarray]:
    """Fit the rings to a body.

    Returns:
        Centres (R, 3) in the frames of the first bones and radii (R, 2).
    """
    center, radii = RINGS.center.copy(), RINGS.radii.copy()
    radii[_LIMB_RINGS] *= shape.girth
    center[_ARM_RINGS, 1] *= shape.arm
    center[_LEG_RINGS, 1] *= shape.leg
    center[_HEAD_RINGS] *= shape.head
    radii[_HEAD_RINGS] *= shape.head
    height = RINGS.position
    chest = np.clip((height - 0.02) / 0.2, 0, 1)
    width = (1 - chest) * shape.hip_width / 0.050 + chest * shape.shoulder_width / 0.112
    if shape.is_female:
        width = width * (1 - 0.10 * np.exp(-(((height - 0.10) / 0.06) ** 2)))
    radii[_TRUNK_RINGS, 0] *= (width * shape.belly**0.5)[_TRUNK_RINGS]
    radii[_TRUNK_RINGS, 1] *= shape.belly
    if shape.is_female:
        bust = 0.014 * np.exp(-(((height - 0.215) / 0.03) ** 2))
        center[_TORSO_RINGS, 2] += bust[_TORSO_RINGS]
        radii[_TORSO_RINGS, 1] += 0.5 * bust[_TORSO_RINGS]
    return center, radii


def skin_rings(shape: BodyShape, fit: Fit, posture: Posture, noise: np.ndarray) -> np.ndarray:
    """Place the points of all rings.

    Args:
        shape: Proportions.
        fit: Clothes.
        posture: Frames of the bones.
        noise: Standard normal relief, (R, S).

    Returns:
        Points (R, S, 3) in the frame of ``posture``.
    """
    center, radii = build_rings(shape)
    radii = (radii + fit.loose[:, None]) * fit.scale[:, None]
    sides = noise.shape[1]
    angle = np.arange(sides) * (2 * np.pi / sides)
    circle = np.stack([np.cos(angle), np.sin(angle)])  # (2, S)
    relief = 1 + fit.folds[:, None] * noise  # (R, S)
    spread = radii[:, :, None] * circle * relief[:, None]  # (R, 2, S)
    local = center[:, None] + np.einsum('ras,rai->rsi', spread, RINGS.axes)  # (R, S, 3)
    one, two = RINGS.bones.T
    points = local @ posture.rotations[one].transpose(0, 2, 1) + posture.origins[one, None]
    mixed = np.flatnonzero(RINGS.blend > 0)
    offset = shape.offsets()[two[mixed]]
    child = (local[mixed] - offset[:, None]) @ posture.rotations[two[mixed]].transpose(0, 2, 1)
    child += posture.origins[two[mixed], None]
    points[mixed] += RINGS.blend[mixed, None, None] * (child - points[mixed])
    if fit.scale[_SKIRT_RINGS[0]] > 0:
        _hang_skirt(points, local[_SKIRT_RINGS], shape, posture)
    return points


def _hang_skirt(points: np.ndarray, local: np.ndarray, shape: BodyShape, posture: Posture) -> None:
    """Let the skirt, ``local`` (rings, S, 3) in the frame of the pelvis, follow both thighs."""
    follow = np.clip((0.06 - local[..., 1]) / 0.16, 0, 0.9)
    left = np.clip(0.5 + local[..., 0] / 0.12, 0, 1)
    offsets = shape.offsets()
    moved = points[_SKIRT_RINGS].copy()
    for name, share in (('thigh_l', follow * left), ('thigh_r', follow * (1 - left))):
        bone = BONE_INDICES[name]
        thigh = (local - offsets[bone]) @ posture.rotations[bone].T + posture.origins[bone]
        moved += share[..., None] * (thigh - points[_SKIRT_RINGS])
    points[_SKIRT_RINGS] = moved
