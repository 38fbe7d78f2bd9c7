"""The annotations of a file in COCO's layout: whose they are, and what labels and boxes mean."""

from collections import Counter
from itertools import chain
from typing import Any

import numpy as np

from posenas.annotations.findings import Findings
from posenas.annotations.images import ImageIds
from posenas.annotations.values import (
    LEVELS,
    are_of,
    as_integer,
    as_level,
    as_number,
    as_numbers,
    values_of,
)

Rows = list[tuple[int, dict[str, Any]]]  # place in the file's list, and record

_NUMBERS = {int, float}
#: Values are stored in single precision.
_LARGEST = 1e30


def place_of(place: int, record: dict, key: str = '') -> str:
    """Return where a record, or a key of it, stands."""
    ident = f' (id {record["id"]!r:.40})' if 'id' in record and key != 'id' else ''
    return f'annotations[{place}]{key and "."}{key}{ident}'


def check_links(records: list[Any], images: ImageIds, findings: Findings) -> Rows:
    """Return the annotations that are objects with an image of the file; ids become integers."""
    rows: Rows = []
    for place, record in enumerate(records):
        if not isinstance(record, dict):
            text = f'must be an object, got {record!r:.80}'
            findings.refuse('malformed annotation', f'annotations[{place}]', text)
            continue
        value = record.get('image_id')
        if type(value) is not int or value not in images:
            found = images.find(value)
            if found is None:
                must = 'must occur in images'
                got = f'{value!r:.80}' if 'image_id' in record else 'nothing: the key is required'
                where = place_of(place, record, 'image_id')
                findings.refuse('unknown image id', where, f'{must}, got {got}')
                continue
            record['image_id'] = found
        rows.append((place, record))
    _number(rows, findings)
    return rows


def _number(rows: Rows, findings: Findings) -> None:
    """Give new ids to annotations without an integer of their own."""
    values = values_of([record for _, record in rows], 'id')
    is_plain = are_of(values, (int,)) and all(abs(value) < 2**63 for value in values)
    if is_plain and len(set(values)) == len(values):
        return
    numbers = [as_integer(value) for value in values]
    highest = max((n for n in numbers if n is not None and n < 2**62), default=0)
    seen: set[int] = set()
    odd, twice = [], []
    for (place, record), number, value in zip(rows, numbers, values, strict=True):
        if number is None or number in seen:
            (odd if number is None else twice).append(place_of(place, record, 'id'))
            highest += 1
            number = max(highest, 1)
        elif type(value) is not int:
            odd.append(place_of(place, record, 'id'))
        seen.add(number)
        record['id'] = number
    findings.note('annotation id is no integer', odd, 'they were numbered')
    findings.note('annotation id twice', twice, 'an id must occur once; these were numbered anew')


def find_people(
    rows: Rows, category_ids: frozenset[int], known: frozenset[int], findings: Findings
) -> tuple[Rows, dict[str, int]]:
    """Return the annotations of single people, and how many others were left out by reason.

    Args:
        rows: All annotations; their ``category_id`` and ``iscrowd`` become integers.
        category_ids: Categories of people.
        known: All categories of the file; empty where it lists none.
        findings: Gets what is wrong.
    """
    only = min(category_ids) if len(category_ids) == 1 else 1
    people, counts, lost = [], Counter(), []
    for place, record in rows:
        category = _read_flag(place, record, 'category_id', only, findings)
        is_crowd = bool(_read_flag(place, record, 'iscrowd', 0, findings))
        if category not in category_ids:
            counts['of another category'] += 1
            if _has_labels(record):
                where = f'{place_of(place, record, "category_id")} {category}'
                lost.append(where)
        elif is_crowd:
            counts['crowd'] += 1
            clear_crowd(record)
        else:
            people.append((place, record))
    text = (
        f'categories of people are {sorted(category_ids)}, of all {sorted(known)[:9]}; these '
        'annotations have labelled keypoints, but are left out'
    )
    findings.note('labels of another category', lost, text)
    return people, {key: counts[key] for key in ('of another category', 'crowd')}


def _read_flag(place: int, record: dict, key: str, default: int, findings: Findings) -> int:
    """Return an integer of a record, ``default`` where it is absent or null."""
    value = record.get(key)
    if type(value) is int:
        return value
    number = default if value is None else as_integer(value)
    if number is None:
        text = f'must be an integer, got {value!r:.80}'
        findings.refuse('malformed annotation', place_of(place, record, key), text)
        number = default
    record[key] = number
    return number


def _has_labels(record: dict) -> bool:
    keypoints = record.get('keypoints')
    if not isinstance(keypoints, list) or len(keypoints) < 3:
        return False
    return any((as_number(level) or 0) > 0 for level in keypoints[2::3])


def check_labels(rows: Rows, num_joints: int, findings: Findings) -> np.ndarray:
    """Make the keypoints of people lists of x, y, v with v 0, 1 or 2.

    Args:
        rows: People.
        num_joints: Number of keypoints K.
        findings: Gets what is wrong or was put right.

    Returns:
        Number of labelled keypoints of each (N,); -1 where they are malformed.
    """
    length = 3 * num_joints
    counts = np.zeros(len(rows), np.int64)
    plain = [i for i, (_, r) in enumerate(rows) if is_plain(r.get('keypoints'), length)]
    try:
        flat = chain.from_iterable(rows[i][1]['keypoints'] for i in plain)
        table = np.fromiter(flat, np.float64, len(plain) * length).reshape(len(plain), length)
    except OverflowError:
        plain, table = [], np.zeros((0, length))
    levels = table[:, 2::3]
    fine = (np.abs(table) < _LARGEST).all(axis=1) & np.isin(levels, (0, 1, 2)).all(axis=1)
    chosen = np.array(plain, np.int64)
    counts[chosen[fine]] = (levels[fine] > 0).sum(axis=1)
    notes: dict[str, list[str]] = {text: [] for text in _MADE}
    for i in np.setdiff1d(np.arange(len(rows)), chosen[fine]).tolist():
        counts[i] = _repair_keypoints(*rows[i], num_joints, findings, notes)
    for text, places in notes.items():
        findings.note(text, places, _MADE[text])
    labelled = [row for row, count in zip(rows, counts.tolist(), strict=True) if count > 0]
    if labelled and all(_holds_shares(record['keypoints']) for _, record in labelled):
        text = (
            'must be pixels, all x and y of the file are between 0 and 1: multiply them by width '
            'and height of the image'
        )
        findings.refuse('shares of the image', place_of(*labelled[0], 'keypoints'), text)
    return counts


def _holds_shares(keypoints: list[float]) -> bool:
    """Tell whether the places of labelled keypoints can only be shares of width and height."""
    places = [keypoints[i : i + 2] for i in range(0, len(keypoints), 3) if keypoints[i + 2] > 0]
    values = [*chain.from_iterable(places)]
    return min(values) >= 0 and max(values) <= 1 and any(value % 1 for value in values)


#: What may be unusual about keypoints -> what is made of it.
_MADE = {
    'keypoints in another form': 'read as numbers x, y, v',
    **LEVELS,
    'unlabelled keypoint without place': 'null and NaN with v = 0 became 0',
}


def is_plain(value: object, length: int) -> bool:
    """Say whether a value is a list of so many numbers."""
    return isinstance(value, list) and len(value) == length and set(map(type, value)) <= _NUMBERS


def _repair_keypoints(
    place: int, record: dict, num_joints: int, findings: Findings, notes: dict[str, list[str]]
) -> int:
    """Put the keypoints of one record right; returns how many are labelled, -1 if none can be."""
    value = record.get('keypoints')
    if value is None or value == []:
        record['keypoints'] = [0] * 3 * num_joints
        return 0
    where = place_of(place, record, 'keypoints')
    made: set[str] = set()
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        value = list(chain.from_iterable(value))
        made.add('keypoints in another form')
    must = f'must be a list of {3 * num_joints} finite numbers x, y, v'
    if not isinstance(value, list) or len(value) != 3 * num_joints:
        has = f' (it has {len(value)})' if isinstance(value, list) else ''
        findings.refuse('malformed keypoints', where, f'{must}{has}, got {value!r:.80}')
        return -1
    result: list[float] = []
    for joint in range(num_joints):
        triple = _read_joint(value[3 * joint : 3 * joint + 3], made)
        if isinstance(triple, str):
            must = f'{must}; {triple}'
            findings.refuse('malformed keypoints', where, f'{must}, got {value!r:.80}')
            return -1
        result += triple
    record['keypoints'] = result
    for text in made:
        notes[text].append(where)
    return sum(level > 0 for level in result[2::3])


def _read_joint(triple: list, made: set[str]) -> list[float] | str:
    """Return x, y and v as 0, 1 or 2; or what they must be."""
    found = as_level(triple[2])
    if found is None:
        return 'they hold x, y, v with v 0, 1 or 2'
    if any(isinstance(item, str) for item in triple):
        made.add('keypoints in another form')
    level, unusual = found
    made |= {unusual} - {''}
    place = [as_number(item) for item in triple[:2]]
    if None in place:
        if level > 0:
            return 'labelled keypoints have a place'
        made.add('unlabelled keypoint without place')
        place = [0.0, 0.0]
    return [*place, level]  # type: ignore[list-item]


def check_counts(rows: Rows, counts: np.ndarray, findings: Findings) -> dict[int, int]:
    """Note people with places but no labels, and set ``num_keypoints``.

    Args:
        rows: People.
        counts: Labelled keypoints of each (N,).
        findings: Gets whose ``num_keypoints`` differs.

    Returns:
        Id -> integer that was stated, of those whose ``num_keypoints`` differs.
    """
    unlabelled, differing, stated = [], [], {}
    for (place, record), count in zip(rows, counts.tolist(), strict=True):
        if count == 0 and any(record['keypoints']):
            unlabelled.append(place_of(place, record))
        value = record.get('num_keypoints')
        if count < 0 or (type(value) is int and value == count):
            continue
        record['num_keypoints'] = count
        if value is not None:
            differing.append(place_of(place, record))
            if type(value) is int:
                stated[record['id']] = value
    text = 'x and y are given, but v is 0 for all keypoints: set v to 1 or 2 where they are right'
    findings.note('places without labels', unlabelled, f'{text}; the person is left out')
    text = 'it must count the keypoints with v > 0; the labels decide'
    findings.note('num_keypoints differs', differing, text)
    return stated


def clear_crowd(record: dict) -> None:
    """Leave nothing in the annotation of a crowd that an evaluation could not read."""
    if as_numbers(record.get('bbox'), 4) is None:
        record['bbox'] = [0.0] * 4
    if as_number(record.get('area')) is None:
        record.pop('area', None)
    record['keypoints'] = []
