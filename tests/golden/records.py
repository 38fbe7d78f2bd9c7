"""How far our networks are from the recordings, as rows of one table."""

from dataclasses import dataclass

import numpy as np


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
