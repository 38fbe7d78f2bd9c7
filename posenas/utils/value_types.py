"""Check plain values against type annotations."""

import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, Union, get_args, get_origin

_LISTS = (list, tuple, Sequence, Collection, Iterable)
_DICTS = (dict, Mapping)


def fits_type(value: object, annotation: object) -> bool:
    """Tell whether ``value`` can be meant where ``annotation`` stands.

    Lists and tuples serve for each other, as configs mix them, and whole numbers for ``float``.
    Annotations other than numbers, text, literals, lists, dicts and their unions fit everything.
    """
    kind, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if kind in (Union, types.UnionType):
        return any(fits_type(value, argument) for argument in arguments)
    if kind in (None, type(None)):
        return value is None
    if kind is Literal:
        return value in arguments
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        numbers = (int,) if kind is int else (int, float)
        return isinstance(value, numbers) and not isinstance(value, bool)
    if kind is str:
        return isinstance(value, str)
    if kind in _DICTS:
        return isinstance(value, Mapping)
    if kind in _LISTS:
        return isinstance(value, list | tuple) and _fit_items(value, kind, arguments)
    return True


def _fit_items(values: Sequence, kind: object, arguments: tuple) -> bool:
    """Check the items of a list or tuple; ``tuple[int, int]`` fixes their number."""
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        pairs = zip(values, arguments, strict=False)
        return len(values) == len(arguments) and all(fits_type(*pair) for pair in pairs)
    return all(fits_type(value, arguments[0]) for value in values) if arguments else True


def describe_type(annotation: object) -> str:
    """Write an annotation as a reader of configs would: ``int``, ``Sequence[int] | None``."""
    if annotation in (None, type(None)):
        return 'None'
    if get_origin(annotation) in (Union, types.UnionType):
        return ' | '.join(describe_type(argument) for argument in get_args(annotation))
    if get_origin(annotation) is Literal:
        return ' | '.join(map(repr, get_args(annotation)))
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace('collections.abc.', '').replace('typing.', '')
