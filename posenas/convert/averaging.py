"""The mean of several checkpoints of one network."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from posenas.utils import CheckpointError


def average_states(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Average the weights and statistics of networks that began with the same weights.

    Counters and other entries that are no floating-point numbers are those of the first.

    Source: Wortsman et al., Model Soups, ICML 2022 (the uniform soup).

    Args:
        states: State dicts with the same names and shapes.

    Raises:
        CheckpointError: Names or shapes differ, or only some entries are floating-point numbers.
    """
    first = states[0]
    kinds = {name: (value.shape, value.is_floating_point()) for name, value in first.items()}
    for number, state in enumerate(states[1:], start=2):
        found = {name: (value.shape, value.is_floating_point()) for name, value in state.items()}
        differ = sorted(name for name in kinds | found if kinds.get(name) != found.get(name))
        if differ:
            raise CheckpointError(
                f'checkpoints must be of one network to be averaged, but {len(differ)} entries of '
                f'checkpoint {number} differ from those of the first in name or shape: '
                f'{", ".join(differ[:5])}'
            )
    return {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in first.items()
    }
