"""S-ViPNAS-Res50 against the recorded reference."""

import json

import numpy as np
import pytest
import torch
from golden.records import Deviation, compare, compare_norms, gradient_norms
from golden.seeded import draw_input, draw_state_dict, load_manifest
from torch import nn

from posenas.models import ViPNASHead, ViPNASResNet
from posenas.utils.profiling import profile_model

VARIANT = 's_vipnas_res50_256x192'
OUTPUTS = ('output_f64', 'output')
#: Recorded array or quantity -> precision and largest deviation.
TOLERANCES = {
    'output_f64': ('float64', 1e-6),
    'output': ('float32', 1e-4),
    'loss': ('float64', 1e-9),
    'gradient norms': ('float64', 1e-6),
    'statistics': ('float64', 1e-4),
}


@pytest.fixture(scope='module')
def folder(golden_dir):
    return golden_dir / VARIANT


@pytest.fixture(scope='module')
def manifest(folder):
    return load_manifest(folder)


def _make_network(manifest):
    """Build the seeded network, its head under the reference's name."""
    parts = dict(backbone=ViPNASResNet(depth=50), keypoint_head=ViPNASHead(608, 17))
    network = nn.ModuleDict(parts)
    network.load_state_dict(draw_state_dict(manifest))
    return network


@pytest.fixture
def network(manifest):
    return _make_network(manifest)


def _run(network, x):
    return network['keypoint_head'](network['backbone'](x))


def _compare_output(network, folder, array, memory_format=torch.contiguous_format):
    """Return our largest difference from a recorded array."""
    manifest = load_manifest(folder)
    dtype = getattr(torch, TOLERANCES[array][0])
    x = draw_input(tuple(manifest['input_shape']), manifest['input_seed']).to(dtype)
    with torch.no_grad():
        maps = _run(network.to(dtype).eval(), x.contiguous(memory_format=memory_format))
    return compare(maps.numpy(), np.load(folder / 'output.npz')[array])


def _measure_step(network, record):
    """Yield every recorded quantity of a training step with our largest relative deviation."""
    x = draw_input(tuple(record['input_shape']), record['input_seed']).double()
    loss = _run(network.double().train(), x).square().mean()
    loss.backward()
    yield 'loss', abs(loss.item() / record['loss_f64'] - 1)
    yield 'gradient norms', compare_norms(gradient_norms(network), record['grad_norm_f64'])
    buffers = {name: b.double().norm().item() for name, b in network.named_buffers()}
    yield 'statistics', compare_norms(buffers, record['buffer_norm_after_forward'])


def test_state_dict_has_the_recorded_entries_in_order(network, manifest):
    ours = [(name, list(value.shape)) for name, value in network.state_dict().items()]
    assert ours == [(entry['name'], entry['shape']) for entry in manifest['state_dict']]
    assert len(ours) == 522


def test_parameter_counts_are_the_recorded_ones(network, manifest):
    counts = [sum(p.numel() for p in part.parameters()) for part in network.children()]
    assert counts[0] == manifest['num_params_backbone'] == 7_154_419
    assert sum(counts) == manifest['num_params'] == 7_286_772


def measure_parity(golden_dir):
    """Compare the network with all its recordings."""
    folder = golden_dir / VARIANT
    manifest = load_manifest(folder)
    record = json.loads((folder / 'train.json').read_text(encoding='utf-8'))
    found = {array: _compare_output(_make_network(manifest), folder, array) for array in OUTPUTS}
    found.update(_measure_step(_make_network(manifest), record))
    network = nn.Sequential(*_make_network(manifest).children())
    cost = profile_model(network, torch.zeros(1, *manifest['input_shape'][1:]))
    return [
        Deviation(VARIANT, array, precision, deviation, tolerance, cost.parameters, cost.macs)
        for array, deviation in found.items()
        for precision, tolerance in [TOLERANCES[array]]
    ]


@pytest.mark.parametrize('array', OUTPUTS)
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_output_is_the_recorded_one(network, folder, array, memory_format):
    deviation = _compare_output(network, folder, array, memory_format)
    assert deviation <= TOLERANCES[array][1]


@pytest.mark.parametrize('with_cp', [False, True])
def test_gradients_and_statistics_are_the_recorded_ones(network, folder, with_cp):
    record = json.loads((folder / 'train.json').read_text(encoding='utf-8'))
    for module in network.modules():
        if hasattr(module, 'with_cp'):
            module.with_cp = with_cp
    for quantity, deviation in _measure_step(network, record):
        assert deviation <= TOLERANCES[quantity][1], quantity
