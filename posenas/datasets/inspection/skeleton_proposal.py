"""A skeleton for any annotation file: pairs, sigmas, limbs, and where each was taken from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from posenas.datasets.inspection.mirror_symmetry import MirrorPairs, find_mirror_pairs
from posenas.datasets.persons import PersonTable
from posenas.skeletons import (
    LEFT_COLOR,
    MIDDLE_COLOR,
    RIGHT_COLOR,
    SKELETONS,
    Skeleton,
    is_numbered,
    make_skeleton,
    part_sigma,
    split_sides,
)

#: Least number of people from whom geometry is read, and of repeated annotations of a keypoint.
_LEAST_PERSONS, _LEAST_REPEATS = 20, 20
#: Share of people annotated twice from which sigmas are measured: less is people side by side.
_LEAST_REPEATED_SHARE = 0.05
#: Overlap of the boxes, and distance of half of the keypoints relative to the person's size, of two
#: annotations of one person.
_SAME_IOU, _SAME_DISTANCE = 0.5, 0.15
#: Share of a person's box that its mask fills, where a file gives no areas.
_MASK_SHARE = 0.53
#: Certainty below which a pair found by geometry is left out.
_LEAST_CERTAINTY = 0.8


def _runs(*runs: tuple[int, int, int]) -> list[tuple[int, int]]:
    """Return pairs (first + i, second - i), for each run i = 0 .. number - 1."""
    return [(first + i, second - i) for first, second, number in runs for i in range(number)]


#: Number of keypoints of a face -> its pairs in the numbering that all its data sets share.
_FACES = {
    68: _runs(
        *((0, 16, 8), (17, 26, 5), (31, 35, 2), (36, 45, 4), (40, 47, 2), (48, 54, 3)),
        *((55, 59, 2), (60, 64, 2), (65, 67, 1)),
    ),
    98: _runs(
        *((0, 32, 16), (33, 46, 5), (38, 50, 4), (55, 59, 2), (60, 72, 5), (65, 75, 3)),
        *((76, 82, 3), (83, 87, 2), (88, 92, 2), (93, 95, 1), (96, 97, 1)),
    ),
}


@dataclass(frozen=True)
class Proposal:
    """A skeleton and where each part of it was taken from; K keypoints.

    Attributes:
        skeleton: The proposal.
        pair_sources: For each keypoint how its partner, or that it has none, is known (K,).
        sigma_sources: For each keypoint how its sigma is known (K,).
        limb_source: How the limbs are known.
        doubts: What a person should look at before training.
    """

    skeleton: Skeleton
    pair_sources: tuple[str, ...]
    sigma_sources: tuple[str, ...]
    limb_source: str
    doubts: tuple[str, ...]


def propose_skeleton(persons: PersonTable, given: Skeleton, name: str = 'custom') -> Proposal:
    """Complete what an annotation file says of its keypoints.

    Args:
        persons: Its people.
        given: Keypoint names, and pairs and limbs as far as the file has them.
        name: Name of the skeleton if it is not a built-in one.
    """
    if SKELETONS.get(given.name) == given:
        source = f'built-in skeleton {given.name}'
        sources = (source,) * given.num_joints
        return Proposal(given, sources, sources, source, ())
    labelled = persons.visibility > 0
    mirror = find_mirror_pairs(persons.keypoints, labelled, _known_partners(given))
    partners, pair_sources = _choose_partners(given, mirror, len(persons))
    skeleton = replace(given, name=name, flip_indices=partners)
    sigmas, sigma_sources = _choose_sigmas(persons, skeleton)
    limbs, limb_source = _choose_limbs(given, mirror, np.array(partners))
    names = given.joint_names
    base = make_skeleton(name, names, [(names[i], names[j]) for i, j in limbs], sigmas)
    skeleton = _color_sides(replace(base, flip_indices=partners), mirror)
    doubts = _list_doubts(names, partners, pair_sources)
    return Proposal(skeleton, pair_sources, sigma_sources, limb_source, doubts)


def _color_sides(skeleton: Skeleton, mirror: MirrorPairs) -> Skeleton:
    """Colour pairs whose names have no side by where they are in most images."""
    colors = list(skeleton.joint_colors)
    sides = split_sides(skeleton.joint_names)
    for joint, partner in enumerate(skeleton.flip_indices):
        if joint != partner and not sides[joint][0]:
            is_left = mirror.mean_pose[joint, 0] > mirror.mean_pose[partner, 0]
            colors[joint] = LEFT_COLOR if is_left else RIGHT_COLOR
    limb_colors = tuple(
        colors[first] if colors[first] == colors[second] else MIDDLE_COLOR
        for first, second in skeleton.limbs
    )
    return replace(skeleton, joint_colors=tuple(colors), limb_colors=limb_colors)


def _known_partners(given: Skeleton) -> np.ndarray:
    """Return the partners (K,) that names or the file tell, -1 where they tell nothing."""
    paired = [joint != partner for joint, partner in enumerate(given.flip_indices)]
    silent = [is_numbered(name) for name in given.joint_names]
    return np.where(np.array(silent) & ~np.array(paired), -1, np.array(given.flip_indices))


def _choose_partners(
    given: Skeleton, mirror: MirrorPairs, num_persons: int
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return partner and source of each keypoint (K,): the file, its names, numbers, geometry."""
    known = _known_partners(given)
    sides = split_sides(given.joint_names)
    partners = list(given.flip_indices)
    sources = [
        _name_source(bool(side), partner == joint)
        for joint, (partner, (side, _)) in enumerate(zip(partners, sides, strict=True))
    ]
    rows = np.flatnonzero(known < 0)
    table = _face_partners(rows)
    fits = table is not None and (mirror.partners[rows] == table).mean() >= 0.8
    for place, joint in enumerate(rows.tolist()):
        if table is not None and (fits or num_persons < _LEAST_PERSONS):
            partners[joint] = int(table[place])
            sources[joint] = f'numbering of faces with {len(rows)} points'
            continue
        partner, certainty = int(mirror.partners[joint]), float(mirror.certainty[joint])
        sure = min(certainty, float(mirror.certainty[partner])) >= _LEAST_CERTAINTY
        if num_persons < _LEAST_PERSONS:
            sources[joint] = f'unknown: geometry needs {_LEAST_PERSONS} people'
        elif sure:
            partners[joint] = partner
            sources[joint] = f'geometry, {100 * certainty:.0f} % sure'
        else:
            sources[joint] = f'unknown: geometry is {100 * certainty:.0f} % sure'
    return tuple(partners), tuple(sources)


def _name_source(has_side: bool, is_alone: bool) -> str:
    if has_side:
        return 'unknown: no keypoint of the other side' if is_alone else 'names'
    return 'name without a side' if is_alone else 'file'


def _face_partners(rows: np.ndarray) -> np.ndarray | None:
    """Return the partners of numbered keypoints ``rows`` if as many as in a known face."""
    if len(rows) not in _FACES:
        return None
    partners = rows.copy()
    for first, second in _FACES[len(rows)]:
        partners[[first, second]] = rows[[second, first]]
    return partners


def _choose_sigmas(
    persons: PersonTable, skeleton: Skeleton
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return sigma and source of each keypoint (K,): measured, by its part, or a shoulder's."""
    measured, counts = repeated_spread(persons)
    sides = split_sides(skeleton.joint_names)
    num_numbered = sum(map(is_numbered, skeleton.joint_names))
    sigmas, sources = [], []
    for joint, (_, part) in enumerate(sides):
        both = [joint, skeleton.flip_indices[joint]]
        by_part = part_sigma(part)
        if counts[both].min() >= _LEAST_REPEATS:
            sigmas.append(round(float(measured[both].mean()), 4))
            sources.append(f'measured on {counts[joint]} repeated annotations')
        elif num_numbered in _FACES and is_numbered(skeleton.joint_names[joint]):
            sigmas.append(part_sigma('face'))
            sources.append('part: face')
        else:
            sigmas.append(by_part or skeleton.sigmas[joint])
            sources.append(f'part: {part}' if by_part else "unknown part: a shoulder's")
    return tuple(sigmas), tuple(sources)


def repeated_spread(persons: PersonTable) -> tuple[np.ndarray, np.ndarray]:
    """Measure how far annotations of the same person differ.

    Two annotations of one image are taken as the same person where their boxes overlap by half
    and half of their common keypoints are near each other. The spread is that of COCO's sigmas: the
    root of the mean squared distance from the true place, relative to the root of the area. It
    is read from the median, which swapped sides and slips do not move.

    Returns:
        Spread (K,), NaN where it is unknown, and number of repeated annotations (K,).
    """
    order = np.argsort(persons.image_rows, kind='stable')
    images = persons.image_rows[order]
    most = np.unique(images, return_counts=True)[1].max(initial=0)
    found = []
    for step in range(1, min(int(most), 20)):
        rows = np.flatnonzero(images[step:] == images[:-step])
        found.append(_same_person(persons, order[rows], order[rows + step]))
    num_joints = persons.visibility.shape[1]
    squares = np.concatenate([*found, np.zeros((0, num_joints))])  # (N, K), NaN where unlabelled
    if len(squares) < _LEAST_REPEATED_SHARE * len(persons):
        squares = squares[:0]
    counts = (~np.isnan(squares)).sum(axis=0)
    spread = np.full(num_joints, np.nan)
    for joint in np.flatnonzero(counts):
        # squared lengths of normal differences in the plane: the median is ln 2 times the mean
        spread[joint] = np.sqrt(np.nanmedian(squares[:, joint]) / np.log(2))
    return spread, counts


def _same_person(persons: PersonTable, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return half the squared keypoint distances (N, K) of those pairs that are one person."""
    boxes = persons.bboxes[first], persons.bboxes[second]
    low, high = np.maximum(boxes[0], boxes[1])[:, :2], np.minimum(boxes[0], boxes[1])[:, 2:]
    common = np.maximum(high - low, 0).prod(axis=1)
    sizes = [(box[:, 2:] - box[:, :2]).prod(axis=1) for box in boxes]
    near = common >= _SAME_IOU * (sizes[0] + sizes[1] - common)
    first, second = first[near], second[near]
    areas = np.where(np.isnan(persons.areas), np.nan, persons.areas)[np.stack([first, second])]
    filled = np.stack([sizes[0][near], sizes[1][near]]) * _MASK_SHARE
    area = np.where(areas > 0, areas, filled).mean(axis=0)
    both = (persons.visibility[first] > 0) & (persons.visibility[second] > 0)
    difference = persons.keypoints[first].astype(np.float64) - persons.keypoints[second]
    squares = np.where(both, (difference**2).sum(axis=-1) / np.maximum(area, 1)[:, None], np.nan)
    squares = squares[both.any(axis=1)]
    return squares[np.nanmedian(squares, axis=1) < _SAME_DISTANCE**2] / 2


def _choose_limbs(
    given: Skeleton, mirror: MirrorPairs, partners: np.ndarray
) -> tuple[list[tuple[int, int]], str]:
    """Return the file's limbs, else those that join all keypoints over the shortest ways."""
    if given.limbs:
        return list(given.limbs), 'file'
    from scipy.sparse.csgraph import minimum_spanning_tree

    both_sides = (mirror.spacing + mirror.spacing[partners][:, partners]) / 2
    graph = np.where(np.isfinite(both_sides), both_sides + 1e-6, 0)
    np.fill_diagonal(graph, 0)
    tree = minimum_spanning_tree(graph).tocoo()
    limbs = sorted(
        (int(min(i, j)), int(max(i, j))) for i, j in zip(tree.row, tree.col, strict=True)
    )
    return limbs, 'nearest keypoints, all joined'


def _list_doubts(
    joint_names: Sequence[str], partners: Sequence[int], sources: Sequence[str]
) -> tuple[str, ...]:
    doubts = []
    unknown = [n for n, source in zip(joint_names, sources, strict=True) if 'unknown' in source]
    if unknown:
        doubts.append(f'partner unknown, taken as none: {", ".join(unknown)}')
    if all(partner == joint for joint, partner in enumerate(partners)):
        doubts.append(
            'no keypoint has a partner: right for one hand, wrong for a body; set swap, or '
            'remove RandomFlip from the pipeline'
        )
    return tuple(doubts)
