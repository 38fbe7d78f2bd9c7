import json

import pytest

from posenas.utils import DataError
from posenas.utils.files import read_json, read_object, read_records, read_yaml

#: Ten values, each of which is ten of those before, nine times over.
LAUGHS = 'a0: &a0 [x, x]\n' + ''.join(
    f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]\n' for i in range(1, 10)
)


@pytest.mark.parametrize('text', ['[' * 900 + ']' * 900, '{"a":' * 900 + '1' + '}' * 900])
def test_json_that_nests_too_deep_is_refused(tmp_path, text):
    path = tmp_path / 'a.json'
    path.write_text(text)
    with pytest.raises(DataError, match='more than 100 deep'):
        read_json(path)


def test_brackets_in_text_do_not_nest(tmp_path):
    path = tmp_path / 'a.json'
    content = [['[' * 900], '{' * 900]
    path.write_text(json.dumps(content))
    assert read_json(path) == content


@pytest.mark.parametrize(
    ('text', 'message'),
    [(LAUGHS, 'aliases'), ('a: &a [*a]', 'itself'), ('a: &a {b: [*a]}', 'itself')],
)
def test_yaml_whose_aliases_have_no_end_is_refused(tmp_path, text, message):
    path = tmp_path / 'a.yaml'
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_yaml(path)


def test_yaml_with_aliases_is_read(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('a: &a [1, 2]\nb: {c: *a, d: *a}')
    assert read_yaml(path) == dict(a=[1, 2], b=dict(c=[1, 2], d=[1, 2]))


@pytest.mark.parametrize('rest', ['', '\n', '{"a": 2', '{"a": 2}'])
def test_records_are_read_as_far_as_a_killed_writer_came(tmp_path, rest):
    path = tmp_path / 'a.jsonl'
    path.write_text('{"a": 1}\n\n{"a": 1.5}\n' + rest)
    read = [record['a'] for record in read_records(path, dict(a=float))]
    assert read == [1, 1.5, *([2] if rest.endswith('}') else [])]


@pytest.mark.parametrize('line', ['', '[]', '5', '{"a": "x"}', '{}', 'no JSON', '[' * 100_000])
def test_a_damaged_record_or_object_is_named(tmp_path, line):
    path = tmp_path / 'a.json'
    path.write_text(f'{{"a": 1}}\n{line or "?"}\n{{"a": 1}}\n')
    with pytest.raises(DataError, match=r'line 2 of .*a\.json must'):
        read_records(path, dict(a=float))
    path.write_text(line)
    with pytest.raises(DataError, match=r'a\.json must'):
        read_object(path, dict(a=float))


def test_records_that_are_no_text_are_refused(tmp_path):
    (tmp_path / 'a.jsonl').write_bytes(b'\xff\xfe{}')
    with pytest.raises(DataError, match='must be readable text'):
        read_records(tmp_path / 'a.jsonl', {})
