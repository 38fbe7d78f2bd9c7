"""Which result found which person, by the rules of COCO, for all images at once.

The back ends keep their matches to themselves; intervals by resampling, the kinds of errors and
the worst cases need them. Average precision computed from these matches equals that of the back
ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: OKS above which a person counts as found; AP is the mean over these.
OKS_THRESHOLDS = np.linspace(0.5, 0.95, 10)
#: Results of an image that are looked at, best first.
MAX_RESULTS = 20


@dataclass(frozen=True)
class PoseTable:
    """Annotated people and results of many images, as columns.

    People and results of one image and category form a group; G people, D results, K keypoints.

    Attributes:
        image_ids: Id of the image of each group.
        truth_group: (G,) group of each person, increasing.
        truth: (G, K, 3) x, y, visibility.
        areas: (G,) square pixels.
        boxes: (G, 4) left, top, width, height.
        counted: (G,) whether a person must be found; crowds and people without keypoints need not.
        crowd: (G,) whether a person stands for many, so that several results may match it.
        group: (D,) group of each result, increasing; within a group scores decrease.
        rank: (D,) place of each result in its group, below :data:`MAX_RESULTS`.
        row: (D,) index of each result in the list it came from.
        results: (D, K, 3) x, y, confidence.
        scores: (D,) scores of the results.
    """

    image_ids: list[Any]
    truth_group: Ints
    truth: Floats
    areas: Floats
    boxes: Floats
    counted: NDArray[np.bool_]
    crowd: NDArray[np.bool_]
    group: Ints
    rank: Ints
    row: Ints
    results: Floats
    scores: Floats


def tabulate(
    ground_truth: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], num_keypoints: int
) -> PoseTable:
    """Arrange checked annotations and results as columns.

    Args:
        ground_truth: As ``prepare_ground_truth`` returns it.
        rows: Results ``{image_id, category_id, keypoints (3 K), score}``.
        num_keypoints: K.
    """
    categories = sorted(category['id'] for category in ground_truth['categories'])
    images = sorted(image['id'] for image in ground_truth['images'])  # decides between equal scores
    pairs = [(image, category) for image in images for category in categories]
    number = {pair: index for index, pair in enumerate(pairs)}

    def find_groups(entries: Sequence[Mapping[str, Any]]) -> Ints:
        found = [number[entry['image_id'], entry['category_id']] for entry in entries]
        return np.array(found, np.int64)

    annotations = ground_truth['annotations']
    counted = np.array([a['num_keypoints'] > 0 and not a['iscrowd'] for a in annotations], bool)
    groups = find_groups(annotations)
    # ignored people come last in their group: matching prefers the others
    order = np.lexsort((~counted, groups))
    persons = [annotations[index] for index in order]

    result_groups = find_groups(rows)
    scores = np.array([row['score'] for row in rows], np.float64)
    chosen = np.lexsort((-scores, result_groups))
    rank = _count_within(result_groups[chosen])
    chosen, rank = chosen[rank < MAX_RESULTS], rank[rank < MAX_RESULTS]
    return PoseTable(
        image_ids=[image for image, _ in pairs],
        truth_group=groups[order],
        truth=_to_poses([person['keypoints'] for person in persons], num_keypoints),
        areas=np.array([person['area'] for person in persons], np.float64),
        boxes=np.array([person['bbox'] for person in persons], np.float64).reshape(-1, 4),
        counted=counted[order],
        crowd=np.array([bool(person['iscrowd']) for person in persons], bool),
        group=result_groups[chosen],
        rank=rank,
        row=chosen.astype(np.int64),
        results=_to_poses([rows[index]['keypoints'] for index in chosen], num_keypoints),
        scores=scores[chosen],
    )


def _to_poses(keypoints: Sequence[Sequence[float]], num_keypoints: int) -> Floats:
    """Stack flat keypoints to (N, K, 3)."""
    return np.array(keypoints, np.float64).reshape(-1, num_keypoints, 3)


def _count_within(groups: Ints) -> Ints:
    """Number the members of each group from 0, for group numbers that do not decrease."""
    starts = np.searchsorted(groups, groups)
    return np.arange(len(groups), dtype=np.int64) - starts


def similarity_to_truth(table: PoseTable, sigmas: Floats) -> tuple[Ints, Ints, Floats]:
    """Compare every result with every person of its group.

    Only labelled keypoints count. Where a person has none, the distances are those to its box,
    enlarged on every side by its own size.

    Args:
        table: People and results.
        sigmas: (K,) standard deviations of the keypoints.

    Returns:
        Results (P,), people (P,) and their OKS (P,) in [0, 1], for all P pairs.
    """
    first = np.searchsorted(table.truth_group, table.group)
    num = np.searchsorted(table.truth_group, table.group, side='right') - first
    result = np.repeat(np.arange(len(table.group)), num)
    person = np.repeat(first, num) + _count_within(result)
    difference = table.results[result, :, :2] - table.truth[person, :, :2]  # (P, K, 2)
    labelled = table.truth[person, :, 2] > 0
    unlabelled = ~labelled.any(1)
    if unlabelled.any():
        box, points = table.boxes[person[unlabelled]], table.results[result[unlabelled], :, :2]
        low = (box[:, :2] - box[:, 2:])[:, None]
        high = (box[:, :2] + 2 * box[:, 2:])[:, None]
        difference[unlabelled] = np.maximum(low - points, 0) + np.maximum(points - high, 0)
        labelled[unlabelled] = True
    variances = (2 * np.asarray(sigmas, np.float64)) ** 2
    scale = table.areas[person, None] + np.spacing(1)
    with np.errstate(over='ignore'):  # absurd coordinates are infinitely far
        joint = np.exp(-(difference**2).sum(-1) / variances / scale / 2)  # (P, K)
    return result, person, np.where(labelled, joint, 0).sum(1) / labelled.sum(1)


def match_poses(
    table: PoseTable, sigmas: Floats, thresholds: Floats = OKS_THRESHOLDS
) -> tuple[Ints, NDArray[np.bool_]]:
    """Assign results to people, best result first, each to the most similar person left.

    Args:
        table: People and results.
        sigmas: (K,) standard deviations of the keypoints.
        thresholds: (T,) least OKS of a match.

    Returns:
        Person of each result at each threshold (T, D), -1 where there is none; and whether the
        result is ignored (T, D) because its person need not be found.
    """
    result, person, similarity = similarity_to_truth(table, sigmas)
    least = np.minimum(np.asarray(thresholds, np.float64), 1 - 1e-10)
    matches = np.full((len(least), len(table.group)), -1, np.int64)
    taken = np.zeros((len(least), len(table.truth_group)), bool)
    # equal similarities: the later person wins, as in the back ends; counted people come first
    order = np.lexsort((person, similarity, table.counted[person], result))
    result, person, similarity = result[order], person[order], similarity[order]
    for rank in range(MAX_RESULTS):
        pairs = np.flatnonzero(table.rank[result] == rank)
        if not len(pairs):
            break
        which, whom = result[pairs], person[pairs]
        for level, minimum in enumerate(least):
            free = ~taken[level, whom] | table.crowd[whom]
            fits = free & (similarity[pairs] >= minimum)
            # pairs of a result are ordered from worst to best: the last one stays
            matches[level, which[fits]] = whom[fits]
            found = matches[level, which]
            taken[level, found[found >= 0]] = True
    ignored = matches >= 0
    ignored[ignored] = ~table.counted[matches[ignored]]
    return matches, ignored
