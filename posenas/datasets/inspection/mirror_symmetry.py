"""Which keypoints are mirror images of each other, judged by where annotators put them.

A collection of annotations looks alike before and after mirroring, if left and right change
places: so of a pair, one joint's mean place is the mirror image of the other's, and both keep the
same distances from all other keypoints. Nothing is assumed about what the keypoints are.
"""

from dataclasses import dataclass

import numpy as np

from posenas.utils.randomness import Stream, make_generator

#: People that are looked at, at most: those with the most labelled keypoints.
_MAX_PERSONS = 3000
#: Groups of people that are drawn to see whether a pair is always found, and number of draws.
_NUM_GROUPS, _NUM_DRAWS = 30, 40
#: How much better than two keypoints of their own a pair must fit.
_LEAST_GAIN = 0.5
#: Distance of the keypoints from their partners' mirror images, relative to the spread of the
#: keypoints, above which there is no symmetry to be seen: all figures face the same way.
_MOST_ASYMMETRY = 0.35
#: Rounds of pairing; each compares distances by the pairs of the round before.
_ROUNDS = 4


@dataclass(frozen=True)
class MirrorPairs:
    """Pairs of keypoints found by :func:`find_mirror_pairs`; K keypoints.

    Attributes:
        partners: For each keypoint the one it becomes in a mirrored image (K,), itself if none.
        certainty: Share of random halves of the people in which it was the same (K,).
        mean_pose: Mean place of each keypoint (K, 2) around the middle of the pose, in units of its
            size.
        spacing: Mean distance of each two keypoints plus its standard deviation (K, K), in the same
            units; infinite where no person has both.
    """

    partners: np.ndarray
    certainty: np.ndarray
    mean_pose: np.ndarray
    spacing: np.ndarray


@dataclass
class _Sums:
    """Sums over groups of people, from which every draw takes its means; G groups, K keypoints."""

    places: np.ndarray  # (G, K, 2)
    counts: np.ndarray  # (G, K)
    distances: np.ndarray  # (G, K, K)
    squares: np.ndarray  # (G, K, K)
    both: np.ndarray  # (G, K, K)

    def means(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return mean places (K, 2), distances (K, K) and their deviations, NaN where unknown."""
        with np.errstate(invalid='ignore', divide='ignore'):
            counts = np.tensordot(weights, self.counts, 1)
            places = np.tensordot(weights, self.places, 1) / counts[:, None]
            both = np.tensordot(weights, self.both, 1)
            distances = np.tensordot(weights, self.distances, 1) / both
            squares = np.tensordot(weights, self.squares, 1) / both
        return places, distances, np.sqrt(np.maximum(squares - distances**2, 0))


def find_mirror_pairs(
    keypoints: np.ndarray, labelled: np.ndarray, known: np.ndarray | None = None, seed: int = 0
) -> MirrorPairs:
    """Pair the keypoints of annotated people by geometry.

    Args:
        keypoints: (P, K, 2) pixels.
        labelled: (P, K).
        known: Partners (K,) that are certain already, -1 where there is none.
        seed: Of the draws that :attr:`MirrorPairs.certainty` counts.
    """
    num_joints = labelled.shape[1]
    known = np.full(num_joints, -1) if known is None else known
    chosen = _most_complete(labelled)
    sums = _collect(*_normalise(keypoints[chosen], labelled[chosen]))
    groups = len(sums.counts)
    places, distances, deviations = sums.means(np.ones(groups))
    partners = _pair(places, distances, known)
    rng = make_generator(Stream.MIRROR_SYMMETRY, seed)
    same = np.zeros(num_joints)
    for _ in range(_NUM_DRAWS):
        weights = np.zeros(groups)
        weights[rng.permutation(groups)[: max(1, groups // 2)]] = 1
        same += _pair(*sums.means(weights)[:2], known) == partners
    spacing = np.where(np.isnan(distances), np.inf, distances + deviations)
    np.fill_diagonal(spacing, 0)
    return MirrorPairs(partners, same / _NUM_DRAWS, np.nan_to_num(places), spacing)


def _most_complete(labelled: np.ndarray) -> np.ndarray:
    """Return the rows of the people with the most labelled keypoints, in the order of the file."""
    counts = labelled.sum(axis=1)
    order = np.argsort(-counts, kind='stable')[:_MAX_PERSONS]
    complete = counts[order] >= 0.75 * counts.max(initial=0)
    keep = max(int(complete.sum()), min(50, len(order)))
    return np.sort(order[:keep])


def _normalise(keypoints: np.ndarray, labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put the middle of each pose at 0 and make its extent 1; poses without extent are dropped."""
    points = np.where(labelled[..., None], keypoints, np.nan).astype(np.float64)
    seen = labelled.sum(axis=1) > 1
    points, labelled = points[seen], labelled[seen]
    low, high = np.nanmin(points, axis=1), np.nanmax(points, axis=1)
    size = (high - low).max(axis=1)
    points = (points - ((low + high) / 2)[:, None])[size > 0] / size[size > 0, None, None]
    return np.nan_to_num(points), labelled[size > 0]


def _collect(points: np.ndarray, labelled: np.ndarray) -> _Sums:
    num_joints = labelled.shape[1]
    groups = np.array_split(np.arange(len(points)), min(_NUM_GROUPS, max(1, len(points) // 2)))
    sums = _Sums(
        places=np.zeros((len(groups), num_joints, 2)),
        counts=np.zeros((len(groups), num_joints)),
        **{
            name: np.zeros((len(groups), num_joints, num_joints))
            for name in ('distances', 'squares', 'both')
        },
    )
    for group, rows in enumerate(groups):
        sums.places[group] = points[rows].sum(axis=0)
        sums.counts[group] = labelled[rows].sum(axis=0)
        for row in rows:
            both = labelled[row][:, None] & labelled[row]
            square = ((points[row][:, None] - points[row]) ** 2).sum(axis=-1) * both
            sums.distances[group] += np.sqrt(square)
            sums.squares[group] += square
            sums.both[group] += both
    return sums


def _pair(places: np.ndarray, distances: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the partner of each keypoint (K,) for mean places (K, 2) and distances (K, K)."""
    from scipy.optimize import linear_sum_assignment

    num_joints = len(places)
    own = np.arange(num_joints)
    mirrored = places * (-1, 1)
    offset = np.linalg.norm(places[:, None] - mirrored, axis=-1)  # (K, K)
    unseen = np.isnan(places).any(axis=1)
    offset = np.nan_to_num(offset, nan=10.0)
    offset[unseen, unseen] = 0.0
    distances = np.nan_to_num(distances, nan=0.5)
    partners = np.where(known >= 0, known, own)
    # At first nothing says which distances to compare: compare the sorted ones.
    ordered = np.sort(distances, axis=1)
    shape = np.abs(ordered[:, None] - ordered).mean(axis=-1)
    for _ in range(_ROUNDS):
        cost = offset + shape
        cost[own, own] = np.diag(offset)
        fixed = np.flatnonzero(known >= 0)
        cost[fixed] = 100.0
        cost[:, fixed] = 100.0
        cost[fixed, known[fixed]] = 0.0
        found = linear_sum_assignment(cost + cost.T)[1]
        mutual = found[found] == own
        alone = np.diag(cost)[own] + np.diag(cost)[found]
        better = 2 * cost[own, found] < _LEAST_GAIN * alone
        found = np.where(mutual & (better | (known >= 0)), found, own)
        if (found == partners).all():
            break
        partners = found
        shape = np.abs(distances[:, None] - distances[:, partners]).mean(axis=-1)
    asked = np.flatnonzero((known < 0) & ~unseen)
    if len(asked) and not unseen.all():
        spread = np.sqrt(places[~unseen].var(axis=0).sum())
        if offset[asked, partners[asked]].mean() > _MOST_ASYMMETRY * spread:
            return np.where(known >= 0, known, own)
    return partners
