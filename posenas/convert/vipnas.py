"""Names of ViPNAS checkpoints: MMPose 0.x, MMPose 1.x and ours, which are those of 1.x."""

import re
from collections.abc import Iterable, Mapping

from posenas.convert.rules import Rename, invert_rules, rename_entries
from posenas.utils import CheckpointError, check_choice

__all__ = ['SOURCES', 'convert_state_dict', 'detect_source', 'export_state_dict']

#: Generations of MMPose whose names are known.
SOURCES = ('0.x', '1.x')
#: Entries of 1.x that hold no weights; our preprocessor takes them from the config.
_DROPPED = ('data_preprocessor.mean', 'data_preprocessor.std')
#: Prefix that data-parallel training leaves.
_WRAPPER = 'module.'


def convert_state_dict(state_dict: Mapping[str, object], source: str = 'auto') -> dict[str, object]:
    """Bring the entries of a checkpoint to our names; those with our names stay as they are.

    Args:
        state_dict: Entries of a whole estimator, or a checkpoint with them under 'state_dict'.
        source: Generation that named them: '0.x', '1.x', or 'auto' to tell from the names.

    Returns:
        The same tensors under the names of :class:`TopdownPoseEstimator`.

    Raises:
        ValueError: ``source`` is unknown.
        CheckpointError: The names fit no generation or mix them.
    """
    check_choice('source', source, ('auto', *SOURCES))
    inner = state_dict.get('state_dict', state_dict)
    if not isinstance(inner, Mapping):
        raise CheckpointError(f'state_dict must be a mapping of names, got {type(inner).__name__}')
    entries = {name.removeprefix(_WRAPPER): value for name, value in inner.items()}
    entries = {name: value for name, value in entries.items() if name not in _DROPPED}
    source = detect_source(entries) if source == 'auto' else source
    head = 'keypoint_head' if source == '0.x' else 'head'
    indices = _find_indices(entries, rf'{head}\.final_layer\.(\d+)\.')
    return rename_entries(entries, _make_rules(head, _count_convs(indices) if indices else None))


def export_state_dict(state_dict: Mapping[str, object], target: str) -> dict[str, object]:
    """Give our entries the names of MMPose; the inverse of :func:`convert_state_dict`.

    Args:
        state_dict: Entries of a :class:`TopdownPoseEstimator`.
        target: Generation to name them for, '0.x' or '1.x'.

    Raises:
        ValueError: ``target`` is unknown.
        CheckpointError: Two entries would get one name.
    """
    check_choice('target', target, SOURCES)
    if target == '1.x':
        return dict(state_dict)
    indices = _find_indices(state_dict, r'head\.conv_layers\.(\d+)\.')
    rules = _make_rules('keypoint_head', _count_convs(indices) if indices else None)
    return rename_entries(state_dict, invert_rules(rules))


def detect_source(names: Iterable[str]) -> str:
    """Tell which generation named the entries of an estimator.

    Raises:
        CheckpointError: Neither did, or both.
    """
    prefixes = {name.split('.', 1)[0] for name in names}
    if {'head', 'keypoint_head'} <= prefixes:
        raise CheckpointError(
            "entries must start with 'head.' (MMPose 1.x) or 'keypoint_head.' (0.x), got both: "
            'the file mixes two networks'
        )
    if not prefixes & {'backbone', 'head', 'keypoint_head'}:
        raise CheckpointError(
            "a pose network has entries that start with 'backbone.' and 'head.', got only "
            f'{sorted(prefixes)[:5]}: is this its checkpoint?'
        )
    return '0.x' if 'keypoint_head' in prefixes else '1.x'


def _make_rules(head: str, extra_convs: int | None) -> list[Rename]:
    """List how entries below ``head`` are called by us.

    0.x puts additional convolutions and the final one into one sequence, ``final_layer.<index>``,
    three places each; ours are separate.

    Args:
        head: Their name of the head.
        extra_convs: Additional convolutions in that sequence; None where there is no sequence.
    """
    rules = []
    if extra_convs is not None:
        last = f'{head}.final_layer.{3 * extra_convs}.{{leaf}}'
        rules.append(Rename(last, 'head.final_layer.{leaf}'))
        rules.append(Rename(f'{head}.final_layer.{{i}}.{{leaf}}', 'head.conv_layers.{i}.{leaf}'))
    return [*rules, Rename(f'{head}.{{rest}}', 'head.{rest}')]


def _count_convs(indices: set[int]) -> int:
    """Count convolutions that have a norm, one place behind them, in a sequence of triples."""
    return -(-max(indices) // 3)


def _find_indices(names: Iterable[str], pattern: str) -> set[int]:
    matches = (re.match(pattern, name) for name in names)
    return {int(match[1]) for match in matches if match}
