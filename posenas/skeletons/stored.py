"""Skeletons as data: ``files/<name>.json``, read when they are asked for.

A file lists ``keypoints``, ``flip_pairs`` and ``limbs`` by index and, where they do not follow from
the names, ``sigmas``, ``joint_weights`` (one number for all, or one each) and ``lower``, the
keypoints of the lower body.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from posenas.skeletons.base import Skeleton, make_skeleton

_FOLDER = Path(__file__).parent / 'files'
#: Data set -> another one with the same keypoints.
_SAME = {
    **dict.fromkeys(('300vw', '300wlp'), '300w'),
    **dict.fromkeys(('freihand2d', 'panoptic_hand2d'), 'onehand10k'),
    **dict.fromkeys(('humanart', 'macaque', 'ochuman'), 'coco'),
    'humanart_aic': 'coco_aic',
    'ubody2d': 'coco_wholebody',
}
#: Names of the skeletons of data files.
STORED = frozenset(path.stem for path in _FOLDER.glob('*.json')) | _SAME.keys()


@cache
def read_stored(name: str) -> Skeleton:
    """Return the skeleton of a data file; ``name`` is one of :data:`STORED`."""
    if name in _SAME:
        return replace(read_stored(_SAME[name]), name=name)
    content = json.loads((_FOLDER / f'{name}.json').read_text(encoding='utf-8'))
    joints: list[str] = content['keypoints']
    limbs = [(joints[first], joints[second]) for first, second in content['limbs']]
    base = make_skeleton(name, joints, limbs, _spread(content.get('sigmas'), len(joints)))
    flips = list(range(len(joints)))
    for first, second in content['flip_pairs']:
        flips[first], flips[second] = second, first
    lower = tuple(content.get('lower', base.lower_body_ids))
    return replace(
        base,
        flip_indices=tuple(flips),
        joint_weights=_spread(content.get('joint_weights'), len(joints)) or base.joint_weights,
        lower_body_ids=lower,
        upper_body_ids=tuple(i for i in range(len(joints)) if i not in lower),
    )


def _spread(value: float | list[float] | None, count: int) -> tuple[float, ...] | None:
    """Return one number for each keypoint; None where there is none."""
    if value is None:
        return None
    return tuple(value) if isinstance(value, list) else (value,) * count
