"""Weights in files of safetensors: plain tensors by name, which nothing can hide in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from posenas.utils.atomic_io import atomic_write
from posenas.utils.plain_data import to_plain

#: End of the names of such files.
SAFETENSORS = '.safetensors'
#: Key of the one text beside the tensors: more would be written in any order.
_META = 'posenas'


def write_safetensors(
    state_dict: Mapping[str, Tensor], path: str | Path, meta: Mapping[str, Any], halve: bool = False
) -> None:
    """Write weights, the same bytes for the same weights.

    Args:
        state_dict: Tensors by name.
        path: File to write.
        meta: Plain data beside them.
        halve: Whether numbers are stored in half precision; they are computed with in single.

    Raises:
        CheckpointError: ``meta`` holds what is no plain data.
        OutputError: The file cannot be written.
    """
    tensors = {
        name: (tensor.half() if halve and tensor.is_floating_point() else tensor)
        .detach()
        .cpu()
        .contiguous()
        .clone()
        for name, tensor in state_dict.items()
    }
    text = json.dumps(to_plain(dict(meta)), sort_keys=True)
    with atomic_write(path) as file:
        file.write(save(tensors, {_META: text}))


def read_safetensors(path: str | Path, map_location: str | torch.device = 'cpu') -> dict[str, Any]:
    """Read weights in the form of a checkpoint: ``state_dict``, and ``meta`` of our own files.

    Args:
        path: File of safetensors, of whoever.
        map_location: Device for the tensors.

    Raises:
        Exception: Whatever safetensors finds wrong with the file; ValueError for our text.
    """
    with safe_open(str(path), 'pt', device=str(map_location)) as file:
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)
        text = (file.metadata() or {}).get(_META, '{}')
    meta = json.loads(text)
    if not isinstance(meta, dict):
        raise ValueError(f'{_META} must be an object, got {text[:80]}')
    halves = (torch.float16, torch.bfloat16)
    state = {name: t.float() if t.dtype in halves else t for name, t in state.items()}
    return dict(state_dict=state, meta=meta)
