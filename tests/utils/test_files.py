import json

import pytest

from posenas.utils import DataError
from posenas.utils.files import read_json, read_yaml

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
