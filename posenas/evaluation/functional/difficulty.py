"""Groups of annotated keypoints by what makes them hard to find: size, occlusion and pose."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional.matching import PoseTable

Groups = dict[str, dict[str, NDArray[np.bool_]]]

#: Ends of the groups of sizes, pixels of the longer side of the box.
_SIZES = (64, 128, 256)
#: Ends of the groups of poses, degrees between the torso and the vertical.
_TURNS = {'upright': 45, 'lying': 135, 'upside down': 181}
#: Keypoints between which the torso lies.
_TORSO = ('left_hip', 'right_hip', 'left_shoulder', 'right_shoulder')


def group_by_difficulty(table: PoseTable, joint_names: Sequence[str]) -> Groups:
    """Divide labelled keypoints (G, K) by size of the person, occlusion and direction of the torso.

    Args:
        table: Annotated people.
        joint_names: (K,).

    Returns:
        Kind -> group -> what belongs to it; groups of one kind share no keypoint. Poses are missing
        where the skeleton has neither hips nor shoulders, or no person has all of them labelled.
    """
    labelled = (table.truth[..., 2] > 0) & table.counted[:, None]
    sides = table.boxes[:, 2:].max(axis=1, initial=0)
    numbers = np.searchsorted(_SIZES, sides, side='right')
    texts = [
        f'below {_SIZES[0]} pixels',
        *(f'{low} to {high} pixels' for low, high in pairwise(_SIZES)),
        f'from {_SIZES[-1]} pixels',
    ]
    is_visible = table.truth[..., 2] > 1
    groups = dict(
        size={text: labelled & (numbers == i)[:, None] for i, text in enumerate(texts)},
        occlusion={'visible': labelled & is_visible, 'hidden': labelled & ~is_visible},
    )
    if {*_TORSO} <= {*joint_names}:
        turns = _measure_turns(table, [list(joint_names).index(name) for name in _TORSO])
        numbers = np.searchsorted(list(_TURNS.values()), turns, side='right')  # NaN comes last
        groups['pose'] = {text: labelled & (numbers == i)[:, None] for i, text in enumerate(_TURNS)}
    kept = {kind: {k: v for k, v in parts.items() if v.any()} for kind, parts in groups.items()}
    return {kind: parts for kind, parts in kept.items() if parts}


def _measure_turns(table: PoseTable, torso: list[int]) -> NDArray[np.float64]:
    """Return degrees (G,) between the vertical and the way from hips to shoulders; NaN unknown."""
    points = table.truth[:, torso]
    hips, shoulders = points[:, :2, :2].mean(1), points[:, 2:, :2].mean(1)
    across, up = (shoulders - hips).T * [[1], [-1]]
    is_known = (points[..., 2] > 0).all(1)
    return np.where(is_known, np.degrees(np.abs(np.arctan2(across, up))), np.nan)
