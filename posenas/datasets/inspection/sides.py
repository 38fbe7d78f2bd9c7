"""Whether left and right of a whole data set are told apart in one way."""

from collections.abc import Iterator

import numpy as np

from posenas.datasets.inspection.labels import Labels
from posenas.skeletons import Skeleton, split_sides

#: People from whom a whole data set is judged, at least.
_LEAST_PERSONS = 50
#: Distance of left and right that says which way a person is turned, relative to its box.
_CLEAR = 0.03


def check_sides(skeleton: Skeleton, labels: Labels) -> Iterator[tuple[str, str, str]]:
    """Look for keypoints without partner, pairs labelled unequally often, and sides exchanged.

    Yields:
        What is found, the keypoint, what it means.
    """
    counts = labels.labelled.sum(axis=0).tolist()
    sides = split_sides(skeleton.joint_names)
    for joint, (name, partner) in enumerate(
        zip(skeleton.joint_names, skeleton.flip_indices, strict=True)
    ):
        if sides[joint][0] and partner == joint:
            text = 'no keypoint of the other side has this name: mirrored samples will be wrong'
            yield 'keypoint without partner', name, text
        more, fewer = max(counts[joint], counts[partner]), min(counts[joint], counts[partner])
        if joint < partner and more >= _LEAST_PERSONS and fewer < 0.7 * more:
            text = (
                f'labelled {counts[joint]} times, {skeleton.joint_names[partner]} {counts[partner]}'
            )
            yield 'pair labelled unequally', name, text
    for (joint, _), share in zip(skeleton.flip_pairs, pair_agreement(labels), strict=True):
        if share < 0.4:
            text = f'only {100 * share:.0f} % of the people show it like the other pairs'
            yield 'pair exchanged against the others?', skeleton.joint_names[joint], text
    eyes = labels.line('eye')[labels.shows_face, 0]
    share = float((eyes < 0).mean()) if len(eyes) >= _LEAST_PERSONS else 0.0
    if share > 0.5:
        text = f'{100 * share:.0f} % of the faces show the left eye on the left'
        yield "left and right are the viewer's?", 'left_eye', text


def pair_agreement(labels: Labels) -> np.ndarray:
    """Return for each pair the share of people in whom it runs as the other pairs do.

    From right to left shoulder, hip, knee and so on run about one way in a person, whatever way
    the person is turned. COCO, LSP and CrowdPose give 0.85 (ankles) to 0.99 (shoulders).

    Returns:
        (number of flip pairs,) in [0, 1]; 1 where too few people show it.
    """
    pairs = np.array(labels.skeleton.flip_pairs, int).reshape(-1, 2)
    if len(pairs) < 3:
        return np.ones(len(pairs))
    points = labels.keypoints[..., :2]
    lines = points[:, pairs[:, 0]] - points[:, pairs[:, 1]]  # (P, pairs, 2)
    lengths = np.linalg.norm(lines, axis=-1)
    known = labels.labelled[:, pairs].all(axis=-1)
    clear = known & (lengths > _CLEAR * labels.bboxes[:, 2:].max(axis=1)[:, None])
    units = np.where(clear[..., None], lines / np.maximum(lengths, 1e-9)[..., None], 0)
    others = units.sum(axis=1, keepdims=True) - units
    counted = clear & (np.linalg.norm(others, axis=-1) > 1)
    agrees = counted & ((units * others).sum(axis=-1) > 0)
    number = counted.sum(axis=0)
    return np.where(number >= _LEAST_PERSONS, agrees.sum(axis=0) / np.maximum(number, 1), 1.0)
