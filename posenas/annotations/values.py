"""Values as label tools write them: numbers as text, whole numbers with a point, null."""

import math
import re
from collections.abc import Collection, Sequence
from typing import Any

_WHOLE = re.compile(r'\s*[+-]?\d{1,18}(\.0*)?\s*')
#: Values are stored in single precision.
_LIMIT = 1e30
#: Unusual third values of keypoints -> what they count as.
LEVELS = {
    'v is a fraction': 'COCO-WholeBody and results of networks have such; v > 0 counts as visible',
    'v = 3': 'Halpe has such; it counts as visible',
    'v < 0': 'it counts as unlabelled',
}


def as_integer(value: object) -> int | None:
    """Return the integer that a value means, None if it means none within 64 bits."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = float(value) if '.' in value else int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return int(value) if isinstance(value, int) and abs(value) < 2**63 else None


def as_number(value: object) -> float | None:
    """Return the finite number that a value means, None if it means none."""
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None
    return number if math.isfinite(number) and abs(number) < _LIMIT else None


def as_numbers(value: object, length: int) -> list[float] | None:
    """Return the finite numbers that a list means, None if it does not mean ``length`` of them."""
    if not isinstance(value, list) or len(value) != length:
        return None
    numbers = [as_number(item) for item in value]
    return None if None in numbers else numbers  # type: ignore[return-value]


def values_of(records: Sequence[dict], key: str) -> list[Any]:
    """Return column ``key``, None where the key is absent."""
    return [record.get(key) for record in records]


def are_of(values: Sequence[object], kinds: Collection[type]) -> bool:
    """Say whether all values have one of these types."""
    return set(map(type, values)) <= set(kinds)


def as_level(value: object) -> tuple[float, str] | None:
    """Return what the third value of a keypoint means, and what is unusual about it.

    Returns:
        0 unlabelled, 1 occluded, 2 visible; and a key of :data:`LEVELS`, '' for these three
        values. None if it can mean nothing, as beyond 3, where columns may be exchanged.
    """
    level = as_number(value)
    if level is None or not -1 <= level <= 3:
        return None
    if level in (0, 1, 2):
        return level, ''
    if level < 0:
        return 0.0, 'v < 0'
    return 2.0, 'v = 3' if level == 3 else 'v is a fraction'
