"""Weights and inputs of the recorded outputs, drawn again from names and seeds.

A manifest lists the entries of a reference's state dict: name, shape, dtype. Every entry draws from
a legacy ``RandomState``, whose stream NumPy has frozen, seeded with the CRC-32 of its name; so the
recordings need no weight files. Values are drawn in float64 and rounded to the entry's type.
"""

import json
from math import prod, sqrt
from pathlib import Path
from zlib import crc32

import numpy as np
import torch


def load_manifest(folder: Path) -> dict:
    """Read ``manifest.json`` of one recording."""
    return json.loads((folder / 'manifest.json').read_text(encoding='utf-8'))


def draw_entry(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Draw one entry of a state dict.

    Counters are 0. Scales and variances are uniform in [0.5, 1.5], other vectors and scalars
    normal with deviation 0.1, kernels normal with deviation sqrt(2 / fan-in), where the first
    axis of a five-dimensional kernel counts alternatives.
    """
    if not dtype.is_floating_point:
        return torch.zeros(shape, dtype=dtype)
    random = np.random.RandomState(crc32(name.encode()))
    leaf = name.rpartition('.')[2]
    if leaf == 'running_var' or (leaf == 'weight' and len(shape) == 1):
        values = random.uniform(0.5, 1.5, shape)
    elif len(shape) < 2:
        values = random.normal(0.0, 0.1, shape)
    else:
        fan_in = prod(shape[2 if len(shape) == 5 else 1 :])
        values = random.normal(0.0, sqrt(2 / max(fan_in, 1)), shape)
    return torch.as_tensor(np.asarray(values), dtype=dtype)


def draw_state_dict(manifest: dict) -> dict[str, torch.Tensor]:
    """Draw every entry of a manifest under the reference's names, in its order."""
    return {
        entry['name']: draw_entry(
            entry['name'], tuple(entry['shape']), getattr(torch, entry['dtype'])
        )
        for entry in manifest['state_dict']
    }


def draw_input(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Draw a standard normal float32 input."""
    random = np.random.RandomState(seed)
    return torch.as_tensor(random.standard_normal(shape), dtype=torch.float32)
