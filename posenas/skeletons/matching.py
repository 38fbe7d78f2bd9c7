"""Which keypoints two skeletons share."""

from collections.abc import Sequence

#: Names of one keypoint in different data sets -> the name that stands for all.
_SYNONYMS = {'head_bottom': 'neck', 'upper_neck': 'neck', 'top_head': 'head_top'}


def match_joints(source: Sequence[str], target: Sequence[str]) -> list[tuple[int, int]]:
    """Pair the keypoints that two skeletons share, by their names.

    ``head_bottom``, ``upper_neck`` and ``neck`` are one keypoint, as are ``head_top`` and
    ``top_head``. Keypoints that only one of them has, such as COCO's eyes, are left out.

    Args:
        source: Names of keypoints (K,).
        target: Names of keypoints (L,).

    Returns:
        Pairs of indices in ``source`` and ``target``, ordered by the latter, as
        :func:`posenas.geometry.convert_keypoints` takes them.
    """
    places = {_SYNONYMS.get(name, name): i for i, name in enumerate(source)}
    names = [_SYNONYMS.get(name, name) for name in target]
    return [(places[name], j) for j, name in enumerate(names) if name in places]
