"""One step of every published search strategy against the recorded reference, in float64."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
import torch
from golden.seeded import draw_input
from models.test_golden_pnfs import build_seeded, read_record, rename
from torch import Tensor, nn
from torch.func import functional_call

from posenas.models.losses import KeypointMSELoss
from posenas.search.gradient import first_order, second_order, sgd_steps

VARIANT = 'tiny_cnfx3_meta_coco'
TOLERANCE = 1e-6


@cache
def recorded() -> dict:
    return read_record(VARIANT, 'search_step.json')


class Search:
    """The recorded network with its training and validation batch."""

    def __init__(self) -> None:
        self.network = build_seeded(VARIANT).double().train()
        self.criterion = KeypointMSELoss(use_target_weight=True, loss_weight=0.5)
        parameters = dict(self.network.named_parameters())
        is_arch = lambda name: name.rpartition('.')[2] in ('alphas', 'betas')  # noqa: E731
        self.arch = {name: p for name, p in parameters.items() if is_arch(name)}
        self.weights = {name: p for name, p in parameters.items() if not is_arch(name)}
        self.train, self.valid = self.draw_batch(2), self.draw_batch(3)

    @staticmethod
    def draw_batch(seed: int) -> tuple[Tensor, Tensor, Tensor]:
        targets = np.random.RandomState(100 + seed).uniform(0, 1, (2, 17, 16, 12))
        joints = np.random.RandomState(200 + seed).randint(0, 2, (2, 17))
        maps = torch.from_numpy(targets.astype(np.float32)).double()
        return draw_input((2, 3, 64, 48), seed).double(), maps, torch.from_numpy(joints).double()

    def make_loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> object:
        inputs, maps, joints = batch

        def loss(weights: Mapping[str, Tensor], arch: Mapping[str, Tensor]) -> Tensor:
            buffers = {name: b.clone() for name, b in self.network.named_buffers()}
            output = functional_call(self.network, {**weights, **arch, **buffers}, (inputs,))
            return self.criterion(output, maps, joints)

        return loss

    def measure(self, batch: tuple[Tensor, Tensor, Tensor]) -> float:
        with torch.no_grad():
            return float(self.make_loss(batch)(self.weights, self.arch))

    def step_weights(self, parameters: list[nn.Parameter]) -> float:
        optimizer = torch.optim.Adam(parameters, lr=1e-3)
        loss = self.make_loss(self.train)(self.weights, self.arch)
        loss.backward()
        optimizer.step()
        return loss.item()


def largest_gap(ours: Mapping[str, Tensor], wanted: Mapping[str, list]) -> float:
    """Largest difference, relative to the largest recorded value of the array."""
    gaps = []
    for name, values in rename(wanted).items():
        exact = torch.tensor(values, dtype=torch.float64)
        gaps.append(((ours[name] - exact).abs().max() / exact.abs().max()).item())
    assert len(gaps) == len(ours)
    return max(gaps)


@pytest.mark.parametrize('strategy', ['none', 'sync'])
def test_a_joint_step_is_the_recorded_one(strategy):
    search, record = Search(), recorded()[strategy]
    trained = [*search.weights.values(), *(search.arch.values() if strategy == 'sync' else ())]
    assert search.step_weights(trained) == pytest.approx(record['train_loss'], rel=TOLERANCE)
    after = search.measure(search.train)
    assert after == pytest.approx(record['train_loss_after_step'], rel=TOLERANCE)
    if strategy == 'sync':
        assert largest_gap(search.arch, record['arch_after']) < TOLERANCE


def test_a_first_order_step_is_the_recorded_one():
    search, record = Search(), recorded()['first_order']
    gradients, _ = first_order(search.make_loss(search.valid), search.weights, search.arch)
    assert largest_gap(gradients, record['arch_grad']) < TOLERANCE
    optimizer = torch.optim.Adam(search.arch.values(), lr=0.03, weight_decay=0.01)
    for name, parameter in search.arch.items():
        parameter.grad = gradients[name]
    optimizer.step()
    optimizer.zero_grad()
    assert largest_gap(search.arch, record['arch_after']) < TOLERANCE
    loss = search.step_weights(list(search.weights.values()))
    assert loss == pytest.approx(record['train_loss_after_arch_step'], rel=TOLERANCE)
    for name, batch in (('train_loss', search.train), ('valid_loss', search.valid)):
        wanted = record[f'{name}_after_weight_step']
        assert search.measure(batch) == pytest.approx(wanted, rel=TOLERANCE)


@pytest.mark.parametrize(
    ('epsilon', 'key'), [(None, 'arch_grad_exact'), (0.01, 'arch_grad_finite_difference')]
)
def test_a_second_order_gradient_is_the_recorded_one(epsilon, key):
    search, record = Search(), recorded()['second_order']
    statistics = {name: buffer.clone() for name, buffer in search.network.named_buffers()}
    gradients, value = second_order(
        search.make_loss(search.train),
        search.make_loss(search.valid),
        search.weights,
        search.arch,
        sgd_steps(record['eta']),
        epsilon,
    )
    assert value.item() == pytest.approx(record['unrolled_valid_loss'], rel=TOLERANCE)
    assert largest_gap(gradients, record[key]) < TOLERANCE
    assert all(torch.equal(b, statistics[n]) for n, b in search.network.named_buffers())
