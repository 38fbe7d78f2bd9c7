import pytest

from posenas.utils.paths import join_path


@pytest.mark.parametrize(
    ('root', 'path', 'expected'),
    [
        ('data/', 'a.json', 'data/a.json'),
        ('', 'a.json', 'a.json'),
        ('data', '/a.json', '/a.json'),
        ('s3://bucket/x', 'a.json', 's3://bucket/x/a.json'),
        ('data', 's3://bucket/a.json', 's3://bucket/a.json'),
    ],
)
def test_folders_and_addresses_are_joined_as_text(root, path, expected):
    assert join_path(root, path) == expected
