"""Which keypoints each part of the body has, for networks with one branch per part."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from posenas.utils.checks import check_choice

#: Number of parts -> name of each part -> its keypoints.
_Divisions = Mapping[int, Mapping[str, tuple[int, ...]]]
_COCO: _Divisions = MappingProxyType(
    {
        1: {'whole_body': tuple(range(17))},
        3: {
            'upper_limb_part': (5, 6, 7, 8, 9, 10),
            'head_part': (0, 1, 2, 3, 4),
            'lower_limb_part': (11, 12, 13, 14, 15, 16),
        },
        5: {
            'left_arm_part': (7, 9),
            'right_arm_part': (8, 10),
            'legs_part': (13, 14, 15, 16),
            'head_shoulder_part': (0, 1, 2, 3, 4, 5, 6),
            'hips_part': (11, 12),
        },
        8: {
            'left_upper_arm_part': (5, 7),
            'right_upper_arm_part': (6, 8),
            'left_lower_arm_part': (7, 9),
            'right_lower_arm_part': (8, 10),
            'left_lower_leg_part': (13, 15),
            'right_lower_leg_part': (14, 16),
            'head_shoulder_part': (0, 1, 2, 3, 4, 5, 6),
            'upper_legs_part': (11, 12, 13, 14),
        },
    }
)
#: PNFS numbers MPII's keypoints itself: head top, upper neck, thorax, left and right shoulder,
#: elbow, wrist, hip, knee, ankle, and the pelvis. Here they have the numbers of the data set, in
#: the order of PNFS, so that published weights fit and maps come in the order of the data set.
_MPII: _Divisions = MappingProxyType(
    {
        1: {'whole_body': (9, 8, 7, 13, 12, 14, 11, 15, 10, 3, 2, 4, 1, 5, 0, 6)},
        3: {
            'upper_limb_part': (13, 12, 14, 11, 15, 10),
            'head_part': (9, 8, 7),
            'lower_limb_part': (3, 2, 4, 1, 5, 0, 6),
        },
        5: {
            'left_arm_part': (14, 15),
            'right_arm_part': (11, 10),
            'legs_part': (4, 1, 5, 0),
            'head_shoulder_part': (9, 8, 7, 13, 12),
            'hips_part': (6, 3, 2),
        },
        8: {
            'left_upper_arm_part': (13, 14),
            'right_upper_arm_part': (12, 11),
            'left_lower_arm_part': (14, 15),
            'right_lower_arm_part': (11, 10),
            'left_lower_leg_part': (4, 5),
            'right_lower_leg_part': (1, 0),
            'head_shoulder_part': (9, 8, 7, 13, 12),
            'upper_legs_part': (3, 6, 2, 4, 1),
        },
    }
)
_PARTS: Mapping[str, _Divisions] = MappingProxyType(dict(coco=_COCO, mpii=_MPII))


class BodyParts(Mapping[str, tuple[int, ...]]):
    """Published groups of keypoints: name of a part -> its keypoints, numbered as in the data set.

    Yang et al., Pose Neural Fabrics Search, 2019. The order of the parts and of the keypoints in
    them is that of the published weights. In the division into 8 parts, parts share keypoints.

    Args:
        dataset: 'coco' or 'mpii'.
        num_parts: 1, 3, 5 or 8.

    Raises:
        ValueError: There is no such division.
    """

    def __init__(self, dataset: str, num_parts: int) -> None:
        check_choice('dataset', dataset, _PARTS)
        check_choice('num_parts', num_parts, _PARTS[dataset])
        self._parts = _PARTS[dataset][num_parts]

    def __getitem__(self, name: str) -> tuple[int, ...]:
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)
