"""Which share of keypoints is found, by what makes them hard."""

from dataclasses import dataclass

import numpy as np

from posenas.apis.intervals import Floats, Track, find_intervals
from posenas.evaluation.functional import group_by_difficulty
from posenas.evaluation.stored import StoredPoses, pck_score


@dataclass(frozen=True)
class GroupScore:
    """How many keypoints of a group are found.

    Attributes:
        kind: What the groups differ in: 'size', 'occlusion' or 'pose'.
        group: Name of the group.
        number: Its labelled keypoints.
        share: Share of them that are found.
        interval: 95 % interval of the share; empty where none was asked for.
    """

    kind: str
    group: str
    number: int
    share: float
    interval: tuple[float, ...] = ()


def score_groups(
    poses: StoredPoses,
    threshold: float = 0.1,
    num_samples: int = 0,
    seed: int = 0,
    track: Track = iter,
) -> tuple[GroupScore, ...]:
    """Measure where keypoints are missed: by size of people, occlusion and pose.

    Args:
        poses: As in :func:`score_precision`.
        threshold: Largest distance of a keypoint that is found, relative to the longer side of the
            box.
        num_samples: As in :func:`score_precision`.
        seed: Likewise.
        track: Likewise.
    """
    _, distances = pck_score(poses, ())
    groups = group_by_difficulty(poses.table, poses.skeleton.joint_names)
    names = [(kind, group) for kind, parts in groups.items() for group in parts]
    members = np.stack([groups[kind][group] for kind, group in names])  # (groups, G, K)
    totals = members.sum(2).astype(np.float64)  # (groups, G)
    found = (members & (distances <= threshold)).sum(2)

    def score(weights: Floats) -> Floats:
        weight = weights[poses.table.truth_group]
        with np.errstate(invalid='ignore'):
            return (found @ weight) / (totals @ weight)

    count = len(poses.table.image_ids)
    keys = [group for _, group in names]
    intervals = find_intervals(score, keys, count, num_samples, seed, track)
    shares = score(np.ones(count))
    return tuple(
        GroupScore(kind, group, int(total.sum()), float(share), intervals.get(group, ()))
        for (kind, group), total, share in zip(names, totals, shares, strict=True)
    )
