"""Weights of mixes."""

import pytest
import torch

from posenas.models.layers.mixing_weights import mixing_weights, sparsemax


def noise(*shape):
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize('normalise', ['softmax', 'sparsemax'])
def test_weights_are_a_point_of_the_simplex(normalise):
    weights = mixing_weights(noise(50, 2, 4), normalise)
    assert weights.min() >= 0
    assert torch.allclose(weights.sum(-1), torch.ones(50, 2).double())


def test_sparse_weights_are_the_nearest_point_of_the_simplex():
    logits = noise(200, 3)
    grid = torch.cartesian_prod(*[torch.linspace(0, 1, 41).double()] * 2)
    grid = torch.cat([grid, 1 - grid.sum(1, keepdim=True)], 1)
    grid = grid[grid[:, 2] >= -1e-12]
    ours = (sparsemax(logits) - logits).norm(dim=-1)
    assert (ours <= torch.cdist(logits, grid).min(dim=1).values + 1e-12).all()
    assert (sparsemax(logits) == 0).any()


def test_weights_are_their_own_sparse_weights():
    weights = torch.tensor([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    assert torch.allclose(sparsemax(weights), weights, atol=1e-7)


def test_gradients_of_sparse_weights_are_exact_to_the_second_order():
    logits = noise(6, 4).requires_grad_()
    assert torch.autograd.gradcheck(sparsemax, logits)
    assert torch.autograd.gradgradcheck(sparsemax, logits)


def test_other_normalisations_are_refused():
    with pytest.raises(ValueError, match='normalise'):
        mixing_weights(noise(2, 3), 'gumbel')
