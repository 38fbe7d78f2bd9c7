"""The categories of a file in COCO's layout: which are of people, and the keypoints they name."""

from collections.abc import Collection
from typing import Any

from posenas.annotations.findings import Findings
from posenas.annotations.values import as_integer
from posenas.skeletons import SKELETONS, Skeleton, skeleton_from_category
from posenas.utils.errors import DataError

#: Category of people where a file names none.
_PEOPLE = 1


def check_categories(
    records: object, used: Collection[object], findings: Findings
) -> tuple[list[dict], frozenset[int], Skeleton | None]:
    """Find the categories of people and their skeleton.

    Args:
        records: Entry ``categories`` of the file, None if it has none.
        used: Values of ``category_id`` in its annotations.
        findings: Gets what is wrong or was put right.

    Returns:
        The categories; ids of those with keypoints (of all people where none has them); the
        skeleton, None where none is named.
    """
    categories = _list_objects(records, findings)
    named = []
    for place, category in categories:
        if 'keypoints' in category and category['keypoints'] is None:
            del category['keypoints']
        if 'keypoints' in category and category['keypoints'] != []:
            named.append((place, category))
    listed = [category for _, category in categories]
    if not named:
        # A file that names no categories holds people, category 1; COCO's list of test images
        # names them among 79 others.
        people = [c for c in listed if c.get('name') == 'person'] or listed
        return listed, frozenset(c['id'] for c in people) or frozenset({_PEOPLE}), None
    skeletons = {}
    for place, category in named:
        _repair_limbs(place, category, findings)
        try:
            skeletons[category['id']] = skeleton_from_category(category)
        except DataError as error:
            findings.refuse('malformed skeleton', place, f'must name keypoints: {error}')
    chosen = _choose(skeletons, {as_integer(value) for value in used}, findings)
    return listed, frozenset(chosen), next(iter(chosen.values()), None)


def _list_objects(records: object, findings: Findings) -> list[tuple[str, dict]]:
    """Return place and record of the categories, with integer ids."""
    if records is None:
        return []
    if not isinstance(records, list):
        text = f'must be a list, got {type(records).__name__}'
        findings.refuse('malformed file', 'categories', text)
        return []
    good = []
    for number, record in enumerate(records):
        place = f'categories[{number}]'
        if not isinstance(record, dict):
            text = f'must be an object, got {record!r:.80}'
            findings.refuse('malformed category', place, text)
            continue
        category_id = as_integer(record.get('id'))
        if category_id is None:
            got = f'{record["id"]!r:.80}' if 'id' in record else 'nothing'
            findings.refuse('malformed category', f'{place}.id', f'must be an integer, got {got}')
            continue
        record['id'] = category_id
        good.append((place, record))
    return good


def _choose(
    skeletons: dict[int, Skeleton], used: set[int | None], findings: Findings
) -> dict[int, Skeleton]:
    """Return the categories whose keypoints are the same, of those that annotations use."""
    names = {skeleton.joint_names for skeleton in skeletons.values()}
    if len(names) > 1:
        in_use = {each: skeleton for each, skeleton in skeletons.items() if each in used}
        if len({skeleton.joint_names for skeleton in in_use.values()}) == 1:
            return in_use
        text = (
            'with keypoints must name the same keypoints, got '
            f'{sorted(len(name) for name in names)} of them; write one file per skeleton'
        )
        findings.refuse('several skeletons', 'categories', text)
        return {}
    return skeletons


def _repair_limbs(place: str, category: dict[str, Any], findings: Findings) -> None:
    """Leave the limbs that fit the keypoints; names and counting from 0 are understood."""
    names, limbs = category['keypoints'], category.get('skeleton')
    if not isinstance(names, list):
        return
    category['keypoints'] = names = [
        str(name['name']) if isinstance(name, dict) and 'name' in name else str(name)
        for name in names
    ]
    if any(skeleton.joint_names == tuple(names) for skeleton in SKELETONS.values()):
        return  # brings its own limbs
    if not limbs or not isinstance(limbs, list):
        if limbs:
            findings.note('bad limbs', [f'{place}.skeleton'], 'they are no list and left out')
        category['skeleton'] = []
        return
    count = len(names)
    pairs = [_read_limb(limb, names) for limb in limbs]
    ends = [joint for pair in pairs if pair for joint in pair]
    from_zero = bool(ends) and min(ends) == 0 and max(ends) < count
    if from_zero:
        text = 'limbs count keypoints from 0, not from 1: read so'
        findings.note('limbs counted from 0', [f'{place}.skeleton'], text)
        pairs = [pair and (pair[0] + 1, pair[1] + 1) for pair in pairs]
    fits = [p for p in pairs if p and min(p) >= 1 and max(p) <= count and p[0] != p[1]]
    bad = [f'{limb!r:.40}' for limb, pair in zip(limbs, pairs, strict=True) if pair not in fits]
    text = f'a limb joins two of the {count} keypoints; those that do not are left out'
    findings.note('bad limb', bad, text)
    category['skeleton'] = [list(pair) for pair in fits]


def _read_limb(limb: object, names: list[str]) -> tuple[int, int] | None:
    """Return the keypoints at both ends as the file counts them; names count from 1."""
    if not isinstance(limb, list) or len(limb) != 2:
        return None
    ends = []
    for end in limb:
        number = as_integer(end)
        if number is None and end in names:
            number = names.index(end) + 1
        ends.append(number)
    return None if None in ends else (ends[0], ends[1])  # type: ignore[return-value]
