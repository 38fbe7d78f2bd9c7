"""How far our networks are from the recordings, as rows of one table."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import nn


@dataclass(frozen=True)
class Deviation:
    """One recorded array against ours.

    Attributes:
        variant: Name of the network and its input size.
        array: Name of the recorded array.
        precision: 'float32' or 'float64', in which ours was computed.
        deviation: Largest difference, relative as the recording's README says.
        tolerance: Largest deviation that the README allows.
        parameters: Parameters of our network.
        macs: Multiply-accumulates of our network for one image of the recorded size.
    """

    variant: str
    array: str
    precision: str
    deviation: float
    tolerance: float
    parameters: int
    macs: int


def compare(ours: np.ndarray, recorded: np.ndarray) -> float:
    """Return the largest difference relative to the largest recorded absolute value."""
    assert ours.shape == recorded.shape
    return float(np.abs(ours - recorded).max() / np.abs(recorded).max())


def compare_norms(ours: Mapping[str, float], recorded: Mapping[str, float]) -> float:
    """Return the largest relative difference; of small norms, relative to 0.1 % of the largest."""
    assert ours.keys() == recorded.keys()
    floor = 1e-3 * max(recorded.values())
    return max(abs(ours[name] - norm) / max(norm, floor) for name, norm in recorded.items())


def gradient_norms(network: nn.Module) -> dict[str, float]:
    """Return the norm of the gradient of every parameter."""
    return {name: p.grad.norm().item() for name, p in network.named_parameters()}
