"""Plain values against annotations."""

# ruff: noqa: UP007, UP045  (older code spells unions like this)

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union

import pytest

from posenas.utils.value_types import describe_type, fits_type


@pytest.mark.parametrize(
    ('annotation', 'fitting', 'wrong'),
    [
        (int, [0, -3], [True, 1.0, '1', None, [1]]),
        (float, [1, 1.5], [True, '1', None]),
        (bool, [True], [0, 'true', None]),
        (str, ['', 'a'], [1, None, ['a']]),
        (int | None, [1, None], ['a', 1.5]),
        (Optional[str], ['a', None], [1]),
        (Union[int, Sequence[int]], [1, (1, 2)], ['a', [1.5]]),
        (list, [[], (1,)], [{}, 'ab', 1]),
        (Sequence[float], [(1, 2.5), []], ['12', [None]]),
        (tuple[int, int], [(1, 2), [1, 2]], [(1,), (1, 2, 3), (1, 'a')]),
        (tuple[int, ...], [(), (1, 2, 3)], [('a',)]),
        (list[dict], [[{}]], [[1]]),
        (dict, [{}], [[], 1]),
        (Mapping[str, int], [{'a': 1}], ['a']),
        (None, [None], [1]),
        (Any, [1, 'a', None], []),
        (Path, ['a', Path('a')], []),
        (Callable, [print, 'name'], []),
        (object, [1, None], []),
    ],
)
def test_values_fit_their_annotation(annotation, fitting, wrong):
    assert [value for value in fitting if not fits_type(value, annotation)] == []
    assert [value for value in wrong if fits_type(value, annotation)] == []


@pytest.mark.parametrize(
    ('annotation', 'text'),
    [
        (int, 'int'),
        (int | None, 'int | None'),
        (Optional[str], 'str | None'),
        (Sequence[int] | None, 'Sequence[int] | None'),
        (tuple[int, ...], 'tuple[int, ...]'),
        (dict | list, 'dict | list'),
    ],
)
def test_annotations_are_written_as_readers_of_configs_would(annotation, text):
    assert describe_type(annotation) == text
