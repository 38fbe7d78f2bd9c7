"""Data sets whose files differ from COCO's in how they write keypoints."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from posenas.utils.errors import DataError

#: Entries of COCO-WholeBody's annotations that together are its 133 keypoints.
WHOLE_BODY = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')


class Source(NamedTuple):
    """How the files of a data set differ from COCO's.

    Attributes:
        skeleton: Name of its skeleton, without the subset.
        keys: Entries of an annotation whose keypoints follow one another.
        crops: Parts of a person that are a sample each, with entries such as ``face_kpts``,
            ``face_box`` and ``face_valid``.
        ranges: Keypoints of a person, from and to, that are a sample each, in the box around them.
        subsets: Parts of the data set with skeletons of their own.
    """

    skeleton: str
    keys: tuple[str, ...] = ('keypoints',)
    crops: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    subsets: tuple[str, ...] = ()


def rearrange(records: list[Any], source: Source) -> Iterator[Any]:
    """Yield the records of samples; what is malformed is handed on, to be refused."""
    number = 0
    for record in records:
        if not isinstance(record, dict):
            yield record
        elif source.crops or source.ranges:
            for changes in _list_parts(record, source):
                number += 1
                yield {**record, 'num_keypoints': None, 'id': number, **changes}
        elif source.keys != ('keypoints',):
            lists = [record.get(key) for key in source.keys]
            if all(isinstance(item, list) for item in lists):
                joined = [number for item in lists for number in item]
                record = {**record, 'keypoints': joined, 'num_keypoints': None}
            yield record
        else:
            yield record


def _list_parts(record: Mapping[str, Any], source: Source) -> Iterator[dict[str, Any]]:
    """Yield keypoints, box and area of the parts of a person that are labelled."""
    for part in source.crops:
        keypoints, box = record.get(f'{part}_kpts'), record.get(f'{part}_box')
        if not record.get(f'{part}_valid'):
            continue
        if not isinstance(keypoints, list) or not isinstance(box, list) or len(box) != 4:
            raise DataError(
                f'annotation {record.get("id")!r} must have {part}_kpts and {part}_box, a list of '
                f'4 numbers, as {part}_valid says, got {keypoints!r:.40} and {box!r:.40}'
            )
        yield dict(keypoints=keypoints, bbox=box, area=box[2] * box[3])
    for start, stop in source.ranges:
        part = (record.get('keypoints') or [])[3 * start : 3 * stop]
        points = np.array(part, float).reshape(-1, 3)
        points = points[points[:, 2] > 0]
        if len(points):
            left, top, right, bottom = *points[:, :2].min(0), *points[:, :2].max(0)
            box = [float(left), float(top), float(right - left), float(bottom - top)]
            yield dict(keypoints=part, bbox=box, area=box[2] * box[3])
