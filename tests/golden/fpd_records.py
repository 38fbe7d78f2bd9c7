"""The recordings of ``golden/fpd``: four arrays and a training step of each network."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from golden.records import compare, compare_norms, gradient_norms
from golden.seeded import draw_input
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

#: Runs a network and returns its maps as recorded.
Run = Callable[[nn.Module, Tensor], Tensor]

#: Array -> precision and largest deviation, from the README of the recordings.
TOLERANCES = {
    'output': ('float32', 1e-4),
    'train_output': ('float32', 1e-3),
    'calibrated_output': ('float32', 1e-3),
    'loss': ('float64', 1e-9),
    'gradient norms': ('float64', 1e-6),
    'statistics': ('float32', 1e-4),
}


def calibrate(network: nn.Module, x: Tensor) -> None:
    """Set running statistics to those of ``x`` (B, 3, H, W); leaves the evaluation mode on."""
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(x)
    network.eval()


def measure_recording(
    folder: Path, make_network: Callable[[], nn.Module], run: Run
) -> Iterator[tuple[str, float]]:
    """Yield every name of ``TOLERANCES`` with our deviation from the recording.

    Args:
        folder: Of one network.
        make_network: Builds it, with the seeded weights and under the reference's names.
        run: Runs it.
    """
    train = json.loads((folder / 'train.json').read_text(encoding='utf-8'))
    large = json.loads((folder / 'manifest.json').read_text(encoding='utf-8'))
    small, shape = tuple(train['input_shape']), tuple(large['golden_input_shape'])
    step_input = draw_input(small, train['input_seed'])

    def load(name: str) -> np.ndarray:
        return np.load(folder / f'{name}.npz')[name]

    network = make_network()
    with torch.no_grad():
        ours = run(network.eval(), draw_input(shape, large['golden_input_seed']))
        yield 'output', compare(ours.numpy(), load('output'))
        ours = run(network.train(), step_input)
        yield 'train_output', compare(ours.numpy(), load('train_output'))
    norms = {n: b.norm().item() for n, b in network.named_buffers() if b.is_floating_point()}
    yield 'statistics', compare_norms(norms, train['running_stat_norm_after_forward'])

    network = make_network()
    calibrate(network, step_input)
    with torch.no_grad():
        ours = run(network, draw_input(small, 0))
    yield 'calibrated_output', compare(ours.numpy(), load('calibrated_output'))

    network = make_network().double().train()
    loss = run(network, step_input.double()).square().mean()
    loss.backward()
    yield 'loss', abs(loss.item() / train['loss_float64'] - 1)
    yield 'gradient norms', compare_norms(gradient_norms(network), train['grad_norm_float64'])
