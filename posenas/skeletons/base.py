"""The record of keypoints, limbs and symmetries that data, metrics and drawing share."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from posenas.skeletons.sides import mirror_indices, split_sides, words_of

Color = tuple[int, int, int]
Pair = tuple[int, int]

#: Colours (red, green, blue) of MMPose: middle of the body and face, left limbs, right limbs.
MIDDLE_COLOR, LEFT_COLOR, RIGHT_COLOR = (51, 153, 255), (0, 255, 0), (255, 128, 0)
#: Standard deviation of human labels relative to the person's size, by body part (COCO).
_SIGMAS = dict(
    nose=0.026,
    eye=0.025,
    ear=0.035,
    shoulder=0.079,
    elbow=0.072,
    wrist=0.062,
    hip=0.107,
    knee=0.087,
    ankle=0.089,
)
#: The same of parts that COCO does not label, after those nearest to them; the numbers of hands,
#: feet and faces are about the middle of COCO-WholeBody's.
_MORE_SIGMAS = {
    **dict.fromkeys(('mouth', 'lip', 'lips', 'chin', 'brow', 'eyebrow', 'pupil', 'face'), 0.03),
    **dict.fromkeys(('finger', 'thumb', 'index', 'forefinger', 'pinky', 'knuckle'), 0.03),
    **dict.fromkeys(('toe', 'heel', 'foot'), 0.08),
    **dict.fromkeys(('paw', 'hoof', 'hand', 'palm'), 0.062),
    **dict.fromkeys(('pelvis', 'root', 'belly', 'spine', 'tail', 'withers'), 0.107),
}
#: Sigma of all other parts: a shoulder's.
_OTHER_SIGMA = 0.079
_JOINT_WEIGHTS = dict(elbow=1.2, knee=1.2, wrist=1.5, ankle=1.5)
_FACE_PARTS = ('nose', 'eye', 'ear', 'mouth', 'lip', 'brow', 'eyebrow', 'face')
_LOWER_PARTS = ('hip', 'knee', 'ankle', 'pelvis', 'foot', 'heel', 'toe')


@dataclass(frozen=True)
class Skeleton:
    """Joints of one data set, in the order of its arrays; K keypoints, L limbs.

    Attributes:
        name: Name of the data set.
        joint_names: Names (K,).
        flip_indices: For each keypoint the one it becomes in a mirrored image (K,).
        limbs: Keypoints at both ends of each limb (L, 2).
        sigmas: Spread of human labels relative to the person's size (K,), for OKS.
        joint_weights: Published loss weights (K,), used on request only.
        upper_body_ids: Keypoints above the hips.
        lower_body_ids: Hips and below.
        joint_colors: Colour (red, green, blue) of each keypoint (K, 3), 0 to 255.
        limb_colors: Colour of each limb (L, 3).
    """

    name: str
    joint_names: tuple[str, ...]
    flip_indices: tuple[int, ...]
    limbs: tuple[Pair, ...]
    sigmas: tuple[float, ...]
    joint_weights: tuple[float, ...]
    upper_body_ids: tuple[int, ...]
    lower_body_ids: tuple[int, ...]
    joint_colors: tuple[Color, ...]
    limb_colors: tuple[Color, ...]

    def __post_init__(self) -> None:
        """Refuse records that contradict themselves."""
        for field in ('flip_indices', 'sigmas', 'joint_weights', 'joint_colors'):
            if len(getattr(self, field)) != self.num_joints:
                raise ValueError(
                    f'{field} of skeleton {self.name!r} must have one entry for each of its '
                    f'{self.num_joints} keypoints, got {len(getattr(self, field))}'
                )
        if len(set(self.joint_names)) != self.num_joints:
            raise ValueError(f'joint names must differ, got {self.joint_names}')
        joints = range(self.num_joints)
        for joint, partner in enumerate(self.flip_indices):
            if partner not in joints or self.flip_indices[partner] != joint:
                raise ValueError(
                    f'flip_indices of skeleton {self.name!r} must pair keypoints both ways, got '
                    f'{joint} -> {partner}'
                )
        loose = [limb for limb in self.limbs if any(joint not in joints for joint in limb)]
        if loose or len(self.limb_colors) != len(self.limbs):
            raise ValueError(
                f'limbs of skeleton {self.name!r} must join its {self.num_joints} keypoints and '
                f'have a colour each, got {loose or self.limb_colors}'
            )

    @property
    def num_joints(self) -> int:
        """Number of keypoints K."""
        return len(self.joint_names)

    @property
    def flip_pairs(self) -> tuple[Pair, ...]:
        """Pairs of keypoints that change places in a mirrored image, lower index first."""
        return tuple((i, j) for i, j in enumerate(self.flip_indices) if i < j)

    def joint_index(self, name: str) -> int:
        """Return the position of the keypoint called ``name``.

        Raises:
            ValueError: There is none.
        """
        if name not in self.joint_names:
            raise ValueError(f'joint must be one of {self.joint_names}, got {name!r}')
        return self.joint_names.index(name)

    def select(self, kept: Sequence[int]) -> 'Skeleton':
        """Return the skeleton of some of the keypoints, in the order of their indices ``kept``.

        Limbs need both ends, and a keypoint without its mirror image is its own.

        Raises:
            ValueError: There is no such keypoint, or one is named twice.
        """
        places = {joint: place for place, joint in enumerate(kept)}
        if len(places) < len(kept) or not places.keys() <= set(range(self.num_joints)):
            raise ValueError(
                f'keypoints to keep must be different ones of 0 to {self.num_joints - 1}, got '
                f'{list(kept)}'
            )
        drawn = zip(self.limbs, self.limb_colors, strict=True)
        limbs = [(limb, color) for limb, color in drawn if places.keys() >= set(limb)]
        return replace(
            self,
            joint_names=tuple(self.joint_names[j] for j in kept),
            flip_indices=tuple(places.get(self.flip_indices[j], places[j]) for j in kept),
            limbs=tuple((places[first], places[second]) for (first, second), _ in limbs),
            sigmas=tuple(self.sigmas[j] for j in kept),
            joint_weights=tuple(self.joint_weights[j] for j in kept),
            upper_body_ids=tuple(places[j] for j in self.upper_body_ids if j in places),
            lower_body_ids=tuple(places[j] for j in self.lower_body_ids if j in places),
            joint_colors=tuple(self.joint_colors[j] for j in kept),
            limb_colors=tuple(color for _, color in limbs),
        )

    def metainfo(self) -> dict[str, object]:
        """Describe the skeleton under the keys that MMPose 1.x gives a dataset's metainfo."""
        return {
            'dataset_name': self.name,
            'num_keypoints': self.num_joints,
            'keypoint_id2name': dict(enumerate(self.joint_names)),
            'keypoint_name2id': {name: i for i, name in enumerate(self.joint_names)},
            'upper_body_ids': self.upper_body_ids,
            'lower_body_ids': self.lower_body_ids,
            'flip_indices': self.flip_indices,
            'flip_pairs': self.flip_pairs,
            'keypoint_colors': self.joint_colors,
            'num_skeleton_links': len(self.limbs),
            'skeleton_links': self.limbs,
            'skeleton_link_colors': self.limb_colors,
            'dataset_keypoint_weights': self.joint_weights,
            'sigmas': self.sigmas,
        }

    @classmethod
    def from_metainfo(cls, metainfo: Mapping[str, Any]) -> 'Skeleton':
        """Read back what :meth:`metainfo` wrote, such as a model's ``dataset_meta``."""
        indices = metainfo['keypoint_name2id']
        return cls(
            name=metainfo['dataset_name'],
            joint_names=tuple(sorted(indices, key=indices.__getitem__)),
            flip_indices=tuple(metainfo['flip_indices']),
            limbs=_pairs(metainfo['skeleton_links']),
            sigmas=tuple(map(float, metainfo['sigmas'])),
            joint_weights=tuple(map(float, metainfo['dataset_keypoint_weights'])),
            upper_body_ids=tuple(metainfo['upper_body_ids']),
            lower_body_ids=tuple(metainfo['lower_body_ids']),
            joint_colors=_colors(metainfo['keypoint_colors']),
            limb_colors=_colors(metainfo['skeleton_link_colors']),
        )


def _pairs(values: Iterable[Sequence[int]]) -> tuple[Pair, ...]:
    return tuple((int(first), int(second)) for first, second in values)


def _colors(values: Iterable[Sequence[int]]) -> tuple[Color, ...]:
    return tuple((int(red), int(green), int(blue)) for red, green, blue in values)


def part_sigma(part: str) -> float | None:
    """Return the spread of human labels that a part's name suggests; None for unknown parts."""
    words = words_of(part)
    for known, sigma in (*_SIGMAS.items(), *_MORE_SIGMAS.items()):
        if known == part or known in words:
            return sigma
    return None


def _has_word(part: str, words: Collection[str]) -> bool:
    return any(word in words for word in words_of(part))


def _joint_color(side: str, part: str) -> Color:
    if _has_word(part, _FACE_PARTS):
        return MIDDLE_COLOR
    return {'left': LEFT_COLOR, 'right': RIGHT_COLOR}.get(side, MIDDLE_COLOR)


def _limb_color(first: tuple[str, str], second: tuple[str, str]) -> Color:
    """Colour arms and legs by their side; torso, face and lines across the body alike."""
    color = _joint_color(*first)
    is_torso = {first[1], second[1]} == {'shoulder', 'hip'}
    return MIDDLE_COLOR if is_torso or color != _joint_color(*second) else color


def make_skeleton(
    name: str,
    joint_names: Sequence[str],
    limbs: Sequence[tuple[str, str]] = (),
    sigmas: Sequence[float] | None = None,
) -> Skeleton:
    """Build a skeleton whose symmetries, halves, weights and colours follow from its names.

    Args:
        name: Name of the data set.
        joint_names: Names (K,); sides as :func:`split_side` understands them.
        limbs: Names of the keypoints at both ends of each limb.
        sigmas: Spread of human labels (K,); None takes COCO's by body part, and a shoulder's
            where COCO does not label the part.
    """
    names = tuple(joint_names)
    sides = split_sides(names)
    parts = [part for _, part in sides]
    lower = tuple(i for i, part in enumerate(parts) if _has_word(part, _LOWER_PARTS))
    ends = [(names.index(first), names.index(second)) for first, second in limbs]
    return Skeleton(
        name=name,
        joint_names=names,
        flip_indices=mirror_indices(names),
        limbs=tuple(ends),
        sigmas=tuple(sigmas or (part_sigma(part) or _OTHER_SIGMA for part in parts)),
        joint_weights=tuple(_JOINT_WEIGHTS.get(part, 1.0) for part in parts),
        upper_body_ids=tuple(i for i in range(len(names)) if i not in lower),
        lower_body_ids=lower,
        joint_colors=tuple(_joint_color(*side) for side in sides),
        limb_colors=tuple(_limb_color(sides[first], sides[second]) for first, second in ends),
    )
