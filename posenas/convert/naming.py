"""What is known of the names that one project gives the entries of its state dicts."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from posenas.convert.rules import Rename

Entries = Mapping[str, object]


def no_unused(entries: Entries) -> dict[str, str]:
    """Find nothing: every entry of such projects is needed."""
    return {}


@dataclass(frozen=True)
class Naming:
    """One scheme of names.

    Attributes:
        key: How users call it.
        title: Whose names these are, for messages.
        modules: Pattern of the first components of its names.
        marks: Pattern of those first components that no other scheme has.
        make_rules: Given names in this scheme or in ours, list how it spells ours.
        find_unused: Given entries in this scheme, name those that no network of ours needs, each
            with the reason.
    """

    key: str
    title: str
    modules: str
    marks: str
    make_rules: Callable[[Iterable[str]], list[Rename]]
    find_unused: Callable[[Entries], dict[str, str]] = no_unused

    def knows(self, name: str) -> bool:
        """Tell whether an entry of this name can belong to the scheme."""
        return re.fullmatch(self.modules, name.partition('.')[0]) is not None

    def is_marked_by(self, names: Iterable[str]) -> bool:
        """Tell whether an entry has a name that is of this scheme alone."""
        return any(re.fullmatch(self.marks, top) for top in top_names(names))


def top_names(names: Iterable[str]) -> set[str]:
    """Collect the first components of dotted names."""
    return {name.partition('.')[0] for name in names}


def find_indices(names: Iterable[str], pattern: str) -> list[int]:
    """Collect the numbers that the group of ``pattern`` matches at the start of names, in order."""
    matches = (re.match(pattern, name) for name in names)
    return sorted({int(match[1]) for match in matches if match})
