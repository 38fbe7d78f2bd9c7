"""Global generators are seeded by seed, iteration and rank, each of which makes a difference."""

import random

import numpy as np
import pytest
import torch
from engine.toy_training import largest_difference, make_cfg, weights

from posenas.engine import PoseRunner
from posenas.engine.randomness import seed_iteration


def draw(*address):
    """Return one number of each global generator after seeding by (seed, iteration, rank)."""
    seed_iteration(*address)
    return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002, S311


@pytest.mark.parametrize('other', [(1, 5, 3), (0, 6, 3), (0, 5, 2), (0, 5, 0), (0, 3, 5)])
def test_iterations_and_ranks_draw_other_numbers(other):
    first = draw(0, 5, 3)
    assert draw(0, 5, 3) == first
    assert all(a != b for a, b in zip(draw(*other), first, strict=True))


def test_a_training_step_draws_by_the_rank_of_its_process(tmp_path):
    trained = []
    for rank in (0, 0, 1):
        runner = PoseRunner.from_cfg(make_cfg(tmp_path, epochs=1, validate=False))
        runner._rank = rank  # the data are those of a single process
        runner.train()
        trained.append(weights(runner))
    assert largest_difference(trained[0], trained[1]) == 0
    assert largest_difference(trained[0], trained[2]) > 0
