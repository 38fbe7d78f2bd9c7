"""What architecture parameters minimise, and settings that change."""

from math import log

import pytest
import torch

from posenas.search.objective import Annealing, ArchObjective, entropy, step_value


def test_entropy_is_1_for_even_weights_and_0_for_a_decision():
    even, decided = torch.full((3, 4), 0.25), torch.eye(4)[:2]
    single = torch.ones(5, 1)
    assert entropy([even, single]).item() == pytest.approx(1)
    assert entropy([decided]).item() == 0
    assert entropy([even, decided]).item() == pytest.approx(3 / 5)


def test_entropy_has_finite_gradients_at_zeros():
    weights = torch.tensor([[0.0, 0.4, 0.6]], requires_grad=True)
    entropy([weights[:, 1:]]).backward()
    assert torch.isfinite(weights.grad).all()


def test_a_setting_changes_in_steps():
    pairs = [(0, -0.01), (1 / 3, 0.0), (2 / 3, 0.05)]
    values = [step_value(pairs, progress) for progress in (0, 0.2, 1 / 3, 0.5, 0.7, 1)]
    assert values == [-0.01, -0.01, 0, 0, 0.05, 0.05]
    assert step_value(0.3, 0.5) == 0.3


@pytest.mark.parametrize(
    ('options', 'values'),
    [
        (dict(start=1, end=0.2, begin=0.5), [1, 1, 1, 0.6, 0.2]),
        (dict(start=4, end=0.25, curve='exponential'), [4, 2, 1, 0.5, 0.25]),
        ({}, [1] * 5),
    ],
)
def test_a_temperature_follows_its_curve(options, values):
    annealing = Annealing(**options)
    assert [annealing(i / 4) for i in range(5)] == pytest.approx(values)


@pytest.mark.parametrize('options', [dict(start=0), dict(begin=1), dict(curve='cosine')])
def test_impossible_temperatures_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Annealing(**options)


def test_the_objective_is_its_formula():
    objective = ArchObjective(
        cost_weight=0.5, target_macs=100, input_size=(8, 8), entropy_weight=0.1, normalise=True
    )
    loss, macs = torch.tensor(0.02), torch.tensor(200.0)
    weights = [torch.full((2, 4), 0.25)]
    total = objective(loss, 0.01, macs, weights, 0.5)
    assert total.item() == pytest.approx(2 * (1 + 0.5 * log(2)) + 0.1)
    assert ArchObjective()(loss, None, None, weights, 0).item() == loss.item()


def test_without_a_mean_so_far_the_loss_counts_as_one():
    loss = torch.tensor(0.02, requires_grad=True)
    total = ArchObjective(normalise=True)(loss, None, None, [], 0)
    total.backward()
    assert total.item() == pytest.approx(1)
    assert loss.grad.item() == pytest.approx(50)


def test_a_cost_weight_needs_a_target():
    with pytest.raises(ValueError, match='target_macs'):
        ArchObjective(cost_weight=1.0)
