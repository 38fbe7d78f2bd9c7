"""Names of MMPose's checkpoints, of 0.x and of 1.x; ours are those of 1.x."""

import re
from collections.abc import Iterable

from posenas.convert.naming import Entries, Naming, find_indices
from posenas.convert.rules import Rename


def _make_rules_of_0(names: Iterable[str]) -> list[Rename]:
    return [
        *_list_final_layers('keypoint_head', names),
        Rename('keypoint_head.{rest}', 'head.{rest}'),
    ]


def _make_rules_of_1(names: Iterable[str]) -> list[Rename]:
    """List what differs: where a file of 0.x was renamed by the prefix alone, its sequence."""
    names = [name for name in names if name.startswith('head.final_layer.')]
    return _list_final_layers('head', names)


def _list_final_layers(head: str, names: Iterable[str]) -> list[Rename]:
    """List how 0.x calls the convolutions at the end of its head.

    Where there is more than the final one, they form a sequence, ``final_layer.<index>``, three
    places each; ours are separate.
    """
    names = list(names)
    places = find_indices(names, rf'{head}\.final_layer\.(\d+)\.')
    places += find_indices(names, r'head\.conv_layers\.(\d+)\.')
    if not places:
        return []
    num_convs = -(-max(places) // 3)  # the norm of a convolution is one place behind it
    return [
        Rename(f'{head}.final_layer.{3 * num_convs}.{{leaf}}', 'head.final_layer.{leaf}'),
        Rename(f'{head}.final_layer.{{i}}.{{leaf}}', 'head.conv_layers.{i}.{leaf}'),
    ]


def _find_preprocessor(entries: Entries) -> dict[str, str]:
    pattern = re.compile(r'data_preprocessor\.(mean|std)')
    return {name: 'the config sets normalisation' for name in entries if pattern.fullmatch(name)}


MMPOSE0 = Naming(
    key='mmpose0',
    title='MMPose 0.x',
    modules='backbone|neck|keypoint_head|data_preprocessor',
    marks='keypoint_head',
    make_rules=_make_rules_of_0,
    find_unused=_find_preprocessor,
)
MMPOSE1 = Naming(
    key='mmpose1',
    title='MMPose 1.x',
    modules='backbone|neck|head|data_preprocessor',
    marks='head',
    make_rules=_make_rules_of_1,
    find_unused=_find_preprocessor,
)
