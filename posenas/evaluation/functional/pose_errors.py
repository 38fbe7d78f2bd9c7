"""What kind of errors poses have: jitter, inversion, swap, miss."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional.matching import PoseTable, match_poses

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Kinds of keypoints; the last four are errors.
ERROR_KINDS = ('good', 'jitter', 'inversion', 'swap', 'miss')
#: Least OKS with which a result belongs to a person at all.
_MATCH = 0.1
#: Similarity of a keypoint from which it is good, and from which it is at the right place at all.
_GOOD, _NEAR = 0.85, 0.5


@dataclass(frozen=True)
class ErrorTable:
    """The labelled keypoints of matched people, by kind; M matches, K keypoints.

    Attributes:
        result: (M,) row of the result in the table.
        person: (M,) row of the person in the table.
        kinds: (M, K) index into :data:`ERROR_KINDS`, -1 where the keypoint is not labelled.
        similarity: (M,) OKS of the match.
    """

    result: Ints
    person: Ints
    kinds: Ints
    similarity: Floats

    def count(self) -> Ints:
        """Count keypoints by kind: (K, len(ERROR_KINDS))."""
        return np.stack([(self.kinds == k).sum(0) for k in range(len(ERROR_KINDS))], axis=1)


def classify_errors(table: PoseTable, sigmas: Floats, flip_indices: Ints) -> ErrorTable:
    """Tell for every keypoint of a matched person how it went wrong.

    Ronchi and Perona, Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation, ICCV
    2017, section 3. A keypoint is good if its similarity to the labelled place is at least 0.85, a
    jitter from 0.5; else an inversion if it is as near to the keypoint of the person's other side,
    a swap if as near to that keypoint, or to its other side, of another person; else a miss.
    Differs from the paper: keypoints that one side only labels cannot be inverted.

    Args:
        table: People and results.
        sigmas: (K,) standard deviations of the keypoints.
        flip_indices: (K,) keypoint of the other side; itself for keypoints without one.
    """
    matches, ignored = match_poses(table, sigmas, np.array([_MATCH]))
    result = np.flatnonzero((matches[0] >= 0) & ~ignored[0])
    person = matches[0, result]
    own = _joint_similarity(table, result, person, sigmas)
    near_own_flip = _joint_similarity(table, result, person, sigmas, flip_indices) >= _NEAR
    kinds = np.full(own.shape, ERROR_KINDS.index('miss'), np.int64)
    kinds[_near_others(table, result, person, sigmas, flip_indices)] = ERROR_KINDS.index('swap')
    has_other_side = flip_indices != np.arange(len(flip_indices))
    kinds[near_own_flip & has_other_side] = ERROR_KINDS.index('inversion')
    kinds[own >= _NEAR] = ERROR_KINDS.index('jitter')
    kinds[own >= _GOOD] = ERROR_KINDS.index('good')
    labelled = table.truth[person, :, 2] > 0
    kinds[~labelled] = -1
    similarity = np.where(labelled, own, 0).sum(1) / np.maximum(labelled.sum(1), 1)
    return ErrorTable(result, person, kinds, similarity)


def correct_errors(table: PoseTable, errors: ErrorTable, kind: str) -> PoseTable:
    """Move all keypoints with one kind of error to where they belong; scores stay.

    Args:
        table: People and results.
        errors: Their errors.
        kind: One of :data:`ERROR_KINDS`.
    """
    results = table.results.copy()
    wrong = errors.kinds == ERROR_KINDS.index(kind)  # (M, K)
    right = table.truth[errors.person, :, :2]
    moved = np.where(wrong[..., None], right, results[errors.result, :, :2])
    results[errors.result, :, :2] = moved
    return replace(table, results=results)


def _joint_similarity(
    table: PoseTable, result: Ints, person: Ints, sigmas: Floats, joints: Ints | None = None
) -> Floats:
    """Compare keypoints of results with the ``joints`` of people, (M, K); 0 if not labelled."""
    truth = table.truth[person] if joints is None else table.truth[person][:, joints]
    squared = ((table.results[result, :, :2] - truth[..., :2]) ** 2).sum(-1)
    scale = 2 * (2 * sigmas) ** 2 * (table.areas[person, None] + np.spacing(1))
    return np.where(truth[..., 2] > 0, np.exp(-squared / scale), 0.0)


def _near_others(
    table: PoseTable, result: Ints, person: Ints, sigmas: Floats, flip_indices: Ints
) -> NDArray[np.bool_]:
    """Tell which keypoints (M, K) lie at such a keypoint of another person of the group."""
    first = np.searchsorted(table.truth_group, table.group[result])
    last = np.searchsorted(table.truth_group, table.group[result], side='right')
    near = np.zeros((len(result), len(sigmas)), bool)
    for step in range(int((last - first).max(initial=0))):
        other = np.minimum(first + step, np.maximum(last - 1, 0))
        exists = (first + step < last) & (other != person)
        for joints in (None, flip_indices):
            similarity = _joint_similarity(table, result, other, sigmas, joints)
            near |= exists[:, None] & (similarity >= _NEAR)
    return near
