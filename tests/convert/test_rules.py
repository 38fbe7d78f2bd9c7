import pytest

from posenas.convert import Rename, invert_rules, rename_entries
from posenas.utils import CheckpointError

RULES = [
    Rename('old.final.9.{leaf}', 'new.last.{leaf}'),
    Rename('old.final.{i}.{leaf}', 'new.layers.{i}.{leaf}'),
    Rename('old.{rest}', 'new.{rest}'),
]
NAMES = {
    'old.final.9.weight': 'new.last.weight',
    'old.final.12.bias': 'new.layers.12.bias',
    'old.a.b.c': 'new.a.b.c',
    'backbone.old.a': 'backbone.old.a',
}


def test_first_matching_rule_renames_and_others_stay():
    entries = {name: i for i, name in enumerate(NAMES)}
    renamed = rename_entries(entries, RULES)
    assert renamed == {new: i for i, new in enumerate(NAMES.values())}
    assert list(renamed) == list(NAMES.values())


def test_inverse_leads_back():
    entries = dict.fromkeys(NAMES.values(), 0)
    assert list(rename_entries(entries, invert_rules(RULES))) == list(NAMES)


def test_dots_of_templates_are_literal_and_names_match_whole():
    rule = Rename('a.{leaf}', 'b.{leaf}')
    assert rule.apply('axc') is None
    assert rule.apply('a.b.c') is None
    assert rule.apply('x.a.b') is None
    assert Rename('a.{i}.w', 'b.{i}.w').apply('a.x.w') is None


def test_rules_that_cannot_be_inverted_are_refused():
    with pytest.raises(ValueError, match='the same placeholders'):
        Rename('a.{i}.{leaf}', 'b.{leaf}')


def test_entries_that_would_collide_are_named():
    with pytest.raises(CheckpointError, match=r"'old\.x' and another one both become 'new\.x'"):
        rename_entries({'new.x': 0, 'old.x': 1}, RULES)
