"""Global generators are seeded by seed, iteration and rank, each of which makes a difference."""

import random

import numpy as np
import pytest
import torch

from posenas.engine.randomness import seed_iteration


def draw(*address):
    """Return one number of each global generator after seeding by (seed, iteration, rank)."""
    seed_iteration(*address)
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002


@pytest.mark.parametrize('other', [(1, 5, 3), (0, 6, 3), (0, 5, 2), (0, 5, 0), (0, 3, 5)])
def test_iterations_and_ranks_draw_other_numbers(other):
    first = draw(0, 5, 3)
    assert draw(0, 5, 3) == first
    assert all(a != b for a, b in zip(draw(*other), first, strict=True))
