"""Guess which name a misspelt one was meant to be."""

import re
from collections.abc import Collection


def find_nearest(name: str, names: Collection[str]) -> str | None:
    """Find the name that most likely was meant, or None when all differ in over a third."""
    ranked = sorted(names, key=lambda other: (_distance(name, other), -len(other), other))
    near = bool(ranked) and _distance(name, ranked[0]) <= max(2, len(name) // 3)
    return ranked[0] if near else None


def find_slip(name: str, names: Collection[str]) -> str | None:
    """Find the name that ``name`` misspells by a slip of the fingers; longer words are no slips."""
    nearest = find_nearest(name, names)
    if nearest is None or re.fullmatch(rf'{nearest}(_\w+|\d+)', name):
        return None
    return nearest if _distance(name, nearest) <= (1 if len(nearest) < 6 else 2) else None


def _distance(first: str, second: str) -> int:
    """Count insertions, deletions, replacements and swaps of neighbours; case counts nothing."""
    first, second = first.lower(), second.lower()
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(second, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
