"""Python literals, and nothing else."""

import pytest

from posenas.utils.literals import parse_config_text, parse_literal


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('1', 1),
        ('-1.5e3', -1500.0),
        ('+2', 2),
        ("'a' 'b'", 'ab'),
        ('None', None),
        ('[1, (2,), {3}, {4: True}]', [1, (2,), {3}, {4: True}]),
        ("[dict(type='A', n=[1])]", [dict(type='A', n=[1])]),
        ('dict()', {}),
        ('dict([(1, 2)])', {1: 2}),
        ('list((1, 2))', [1, 2]),
        ('tuple([1])', (1,)),
        (' set() ', set()),
    ],
)
def test_literals_are_read(text, value):
    result = parse_literal(text)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    'text',
    [
        '__import__("os").system("true")',
        'open("x")',
        'a',
        'a.b',
        '1 + 1',
        '10 ** 10 ** 10',
        '[x for x in (1, 2)]',
        'lambda: 0',
        'f"{1}"',
        'dict(**{"a": 1})',
        'dict(a=print())',
        'dict.fromkeys([1])',
        '{**{}}',
        '{[]: 1}',
        '{[1]}',
        'list(1)',
        "-'a'",
        '-True',
        'not 1',
        '1 if 1 else 2',
        '(yield)',
        '[1, 2',
        '',
        'a = 1',
        '(' * 5000 + ')' * 5000,
        '-' * 100000 + '1',
        '1\0',
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match='literal'):
        parse_literal(text)


def test_configs_are_read_as_data_leaving_out_what_runs(tmp_path):
    marker = tmp_path / 'ran'
    text = f"""
import os
model = dict(backbone=dict(type='Net', depth=50))
os.system('touch {marker}')
ran = open('{marker}', 'w')
a = b = 3
x, y = 1, 2
class C: pass
late = [1]
"""
    assert parse_config_text(text) == dict(
        model=dict(backbone=dict(type='Net', depth=50)), late=[1]
    )
    assert not marker.exists()


@pytest.mark.parametrize('text', ['a = (', '\0', '(' * 5000, 'x = ' + '[' * 3000 + ']' * 3000])
def test_broken_configs_give_nothing(text):
    assert parse_config_text(text) == {}
