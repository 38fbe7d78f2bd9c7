"""Architecture gradients against finite differences of what they claim to differentiate."""

import pytest
import torch

from posenas.search.gradient import adam_steps, first_order, second_order, sgd_steps


class Toy:
    """A smooth bilevel problem in float64 whose losses couple weights and architecture."""

    def __init__(self):
        draw = torch.Generator().manual_seed(0)
        noise = lambda *shape: torch.randn(shape, generator=draw, dtype=torch.float64)  # noqa: E731
        self.data = noise(12, 5), noise(12, 5)
        self.targets = noise(12, 3), noise(12, 3)
        shapes = dict(first=(5, 4), second=(4, 3), idle=(2,))
        self.weights = {name: (0.5 * noise(*s)).requires_grad_() for name, s in shapes.items()}
        self.arch = {name: noise(4).requires_grad_() for name in ('alphas', 'betas')}

    def loss(self, split):
        x, target = self.data[split], self.targets[split]

        def loss(weights, arch):
            hidden = torch.tanh(x @ weights['first']) * arch['alphas'].softmax(0)
            scale = (hidden * arch['betas'].sigmoid()) @ weights['second']
            return (scale - target).square().mean()

        return loss

    def objective(self, arch, steps):
        """f(arch) with the given constant steps."""
        inner = self.loss(0)(self.weights, arch)
        names = ['first', 'second']
        gradients = torch.autograd.grad(inner, [self.weights[name] for name in names])
        moved = dict(self.weights)
        for name, gradient in zip(names, gradients, strict=True):
            moved[name] = self.weights[name] - steps[name] * gradient
        return self.loss(1)(moved, arch).item()

    def differences(self, steps, epsilon=1e-5):
        """Central differences of the objective for every architecture parameter."""
        found = {}
        for name, parameter in self.arch.items():
            found[name] = torch.zeros_like(parameter)
            for i in range(parameter.numel()):
                values = []
                for sign in (1, -1):
                    moved = {n: p.detach().clone() for n, p in self.arch.items()}
                    moved[name][i] += sign * epsilon
                    values.append(self.objective(moved, steps))
                found[name][i] = (values[0] - values[1]) / (2 * epsilon)
        return found


def gap(ours, wanted):
    largest = max(value.abs().max() for value in wanted.values())
    return max(float((ours[name] - wanted[name]).abs().max() / largest) for name in wanted)


def make_optimizer(toy):
    """An Adam that has made two steps on gradients of other batches."""
    optimizer = torch.optim.Adam(toy.weights.values(), lr=0.5)
    for seed in (1, 2):
        draw = torch.Generator().manual_seed(seed)
        for name in ('first', 'second'):
            weight = toy.weights[name]
            weight.grad = torch.randn(weight.shape, generator=draw, dtype=weight.dtype) * 0.5
        optimizer.step()
    optimizer.zero_grad()
    return optimizer


@pytest.mark.parametrize('kind', ['sgd', 'precond'])
def test_the_second_order_is_the_gradient_of_its_objective_and_the_first_is_not(kind):
    toy = Toy()
    rule = sgd_steps(2.0) if kind == 'sgd' else adam_steps(make_optimizer(toy), toy.weights)
    gradients, value = second_order(toy.loss(0), toy.loss(1), toy.weights, toy.arch, rule)
    inner = toy.loss(0)(toy.weights, toy.arch)
    names = ['first', 'second']
    found = torch.autograd.grad(inner, [toy.weights[name] for name in names])
    steps = rule(dict(zip(names, found, strict=True)))
    wanted = toy.differences(steps)
    assert value.item() == pytest.approx(toy.objective(toy.arch, steps), rel=1e-12)
    assert gap(gradients, wanted) < 1e-6
    first, _ = first_order(toy.loss(1), toy.weights, toy.arch)
    assert gap(first, wanted) > 0.1


def test_the_first_order_is_the_gradient_of_the_loss_itself():
    toy = Toy()
    gradients, value = first_order(toy.loss(1), toy.weights, toy.arch)
    wanted = toy.differences(dict(first=0.0, second=0.0))
    assert gap(gradients, wanted) < 1e-8
    assert value.item() == pytest.approx(toy.loss(1)(toy.weights, toy.arch).item())


def test_the_finite_difference_tends_to_the_exact_product():
    toy = Toy()
    losses = toy.loss(0), toy.loss(1), toy.weights, toy.arch, sgd_steps(2.0)
    exact, _ = second_order(*losses)
    errors = [gap(second_order(*losses, epsilon)[0], exact) for epsilon in (1e-1, 1e-2, 1e-3)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-6


def test_what_is_returned_keeps_no_graph_alive():
    toy = Toy()
    losses = toy.loss(0), toy.loss(1), toy.weights, toy.arch, sgd_steps(2.0)
    for gradients, value in (
        second_order(*losses),
        second_order(*losses, 1e-2),
        first_order(toy.loss(1), toy.weights, toy.arch),
    ):
        assert not value.requires_grad
        assert not any(gradient.requires_grad for gradient in gradients.values())


def test_nothing_is_changed_on_the_way():
    toy = Toy()
    before = {name: weight.detach().clone() for name, weight in toy.weights.items()}
    second_order(toy.loss(0), toy.loss(1), toy.weights, toy.arch, sgd_steps(2.0), 1e-2)
    assert all(torch.equal(weight, before[name]) for name, weight in toy.weights.items())
    assert all(p.grad is None for p in (*toy.weights.values(), *toy.arch.values()))


def test_steps_of_adam_are_those_that_it_would_make_without_momentum():
    toy = Toy()
    optimizer = torch.optim.Adam(toy.weights.values(), lr=0.1, betas=(0.0, 0.9))
    for _ in range(3):
        loss = toy.loss(0)(toy.weights, toy.arch)
        found = torch.autograd.grad(loss, [toy.weights['first'], toy.weights['second']])
        gradients = dict(first=found[0], second=found[1], idle=torch.zeros(2).double())
        steps = adam_steps(optimizer, toy.weights)(gradients)
        moved = {name: toy.weights[name] - steps[name] * g for name, g in gradients.items()}
        for name, gradient in gradients.items():
            toy.weights[name].grad = gradient if name != 'idle' else None
        optimizer.step()
        for name, weight in toy.weights.items():
            assert torch.allclose(weight, moved[name], rtol=1e-12, atol=0)


def test_no_mixed_product_is_needed_where_the_training_loss_does_not_see_the_architecture():
    toy = Toy()
    blind = lambda weights, arch: weights['first'].square().sum()  # noqa: E731
    for epsilon in (None, 1e-2):
        gradients, _ = second_order(
            blind, toy.loss(1), toy.weights, toy.arch, sgd_steps(0.1), epsilon
        )
        moved = {**toy.weights, 'first': toy.weights['first'] * 0.8}
        first, _ = first_order(toy.loss(1), moved, toy.arch)
        assert gap(gradients, first) < 1e-12
