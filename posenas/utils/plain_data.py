"""Checkpoints as plain data: tensors, numbers, strings and containers of them, nothing that runs.

Such files load with ``torch.load(weights_only=True)`` anywhere, without an allow-list.
"""

import os
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from typing import Any, TypeVar

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from posenas.utils.errors import CheckpointError

T = TypeVar('T')
_ATOMS = (bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size)
#: Types whose subclasses, such as enums of int, become one of them.
_BASES: tuple[type[Any], ...] = (int, float, complex, str, bytes, torch.Size)
_HISTORY_KEYS = {'log_history', 'count_history', 'max_length'}


class StandIn(ABC):
    """Inert object that took the place of another library's when a foreign file was read."""

    @abstractmethod
    def plain(self) -> object:
        """Give the plain data that the object stands for."""


def to_plain(value: object, dropped: list[str] | None = None) -> Any:  # noqa: ANN401  (as value)
    """Copy ``value`` with everything turned into plain data.

    Arrays become lists, NumPy scalars numbers, paths and dates text, a ``HistoryBuffer`` a dict of
    tensors (see :func:`plain_history`); tensors stay as they are, shared. Objects that occur twice
    stay one object, so neither cycles nor lists of lists of lists cost more than their size.

    Args:
        value: Any nesting of dicts, lists, tuples and sets.
        dropped: When given, entries of dicts that have no plain form are left out and their keys
            appended here, instead of raising.

    Raises:
        CheckpointError: A value has no plain form; the text names its key.
    """
    return _Plainer(dropped).convert(value)


class _Plainer:
    """One conversion; remembers which object became which, and the keys that lead to the next."""

    def __init__(self, dropped: list[str] | None) -> None:
        self.dropped = dropped
        self.memo: dict[int, tuple[object, object]] = {}
        self.keys: list[object] = []

    def convert(self, value: object) -> object:
        if value is None or type(value) in _ATOMS:
            return value
        if id(value) in self.memo:
            return self.memo[id(value)][1]
        if isinstance(value, Mapping):
            return self._convert_mapping(value)
        if isinstance(value, list | tuple | set | frozenset) and not isinstance(value, torch.Size):
            return self._convert_sequence(value)
        return self._remember(value, self._convert_leaf(value))

    def _remember(self, value: object, plain: T) -> T:
        self.memo[id(value)] = value, plain  # keeps value alive: its id must stay its own
        return plain

    def _convert_mapping(self, value: Mapping) -> dict:
        plain: dict = OrderedDict() if isinstance(value, OrderedDict) else {}
        self._remember(value, plain)  # before its items, which may contain it
        if isinstance(plain, OrderedDict) and hasattr(value, '_metadata'):
            # versions of the modules in a state dict, which is an OrderedDict for their sake
            plain._metadata = self.convert(value._metadata)  # type: ignore[attr-defined]
        for key, item in value.items():
            self.keys.append(key)
            try:
                plain[self.convert(key)] = self.convert(item)
            except CheckpointError:
                if self.dropped is None:
                    raise
                self.dropped.append(self._name())
            finally:
                self.keys.pop()
        return plain

    def _convert_sequence(self, value: list | tuple | set | frozenset) -> list | tuple | set:
        if isinstance(value, list):
            plain: list = self._remember(value, [])
            plain.extend(map(self.convert, value))
            return plain
        items = [self.convert(item) for item in value]
        return self._remember(value, tuple(items) if isinstance(value, tuple) else set(items))

    def _convert_leaf(self, value: object) -> object:
        plain = _plain_leaf(value)
        if plain is None:
            raise CheckpointError(
                f'checkpoint{self._name()} must be plain data (tensors, numbers, text, containers '
                f'of them), got {type(value).__module__}.{type(value).__qualname__}: convert it in '
                'before_save_checkpoint of the hook that stores it'
            )
        return plain

    def _name(self) -> str:
        return ''.join(f'[{key!r}]' for key in self.keys)


def _plain_leaf(value: object) -> object:
    """Turn one object that is no container into plain data, or give None."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, StandIn):
        return value.plain()
    if isinstance(value, HistoryBuffer):
        values, counts = value.data
        return plain_history(values, counts, value.max_length)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in 'biufcUS':
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    kind = next((kind for kind in _BASES if isinstance(value, kind)), None)
    return None if kind is None else kind(value)


def plain_history(log_history: np.ndarray, count_history: np.ndarray, max_length: int) -> dict:
    """Give the plain form of a ``HistoryBuffer``; tensors, since lists of 10^6 numbers load slowly.

    Args:
        log_history: Values, (T,).
        count_history: How many samples each value stands for, (T,).
        max_length: Number of values that the buffer keeps.
    """
    return dict(
        log_history=torch.from_numpy(np.array(log_history)),
        count_history=torch.from_numpy(np.array(count_history)),
        max_length=int(max_length),
    )


def is_plain_history(value: object) -> bool:
    """Tell whether ``value`` is a well-formed result of :func:`plain_history`."""
    if not isinstance(value, dict) or set(value) != _HISTORY_KEYS:
        return False
    log, count, length = value['log_history'], value['count_history'], value['max_length']
    arrays = all(isinstance(a, Tensor) and a.ndim == 1 for a in (log, count))
    return arrays and len(log) == len(count) and type(length) is int and length > 0


def restore_history(message_hub: dict) -> None:
    """Turn the plain histories of a message hub's state back into ``HistoryBuffer``, in place."""
    scalars = message_hub.get('log_scalars', {})
    for key, value in scalars.items():
        if is_plain_history(value):
            log, count = (value[name].cpu().numpy() for name in ('log_history', 'count_history'))
            scalars[key] = HistoryBuffer(log, count, value['max_length'])


def discard_executable(checkpoint: dict) -> None:
    """Remove the entry of ``checkpoint['meta']`` that mmengine would run as a Python config."""
    meta = checkpoint.get('meta')
    if isinstance(meta, dict):
        meta.pop('config', None)
