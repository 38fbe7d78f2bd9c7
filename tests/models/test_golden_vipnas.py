"""S-ViPNAS-Res50 against the recorded reference."""

import json

import numpy as np
import pytest
import torch
from golden.seeded import draw_input, draw_state_dict, load_manifest
from torch import nn

from posenas.models import ViPNASHead, ViPNASResNet


@pytest.fixture(scope='module')
def folder(golden_dir):
    return golden_dir / 's_vipnas_res50_256x192'


@pytest.fixture(scope='module')
def manifest(folder):
    return load_manifest(folder)


@pytest.fixture
def network(manifest):
    """The seeded network, its head under the reference's name."""
    parts = dict(backbone=ViPNASResNet(depth=50), keypoint_head=ViPNASHead(608, 17))
    network = nn.ModuleDict(parts)
    network.load_state_dict(draw_state_dict(manifest))
    return network


def _run(network, x):
    return network['keypoint_head'](network['backbone'](x))


def test_state_dict_has_the_recorded_entries_in_order(network, manifest):
    ours = [(name, list(value.shape)) for name, value in network.state_dict().items()]
    assert ours == [(entry['name'], entry['shape']) for entry in manifest['state_dict']]
    assert len(ours) == 522


def test_parameter_counts_are_the_recorded_ones(network, manifest):
    counts = [sum(p.numel() for p in part.parameters()) for part in network.children()]
    assert counts[0] == manifest['num_params_backbone'] == 7_154_419
    assert sum(counts) == manifest['num_params'] == 7_286_772


@pytest.mark.parametrize(
    ('array', 'dtype', 'tolerance'),
    [('output_f64', torch.float64, 1e-6), ('output', torch.float32, 1e-4)],
)
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_output_is_the_recorded_one(
    network, manifest, folder, array, dtype, tolerance, memory_format
):
    x = draw_input(tuple(manifest['input_shape']), manifest['input_seed']).to(dtype)
    with torch.no_grad():
        maps = _run(network.to(dtype).eval(), x.contiguous(memory_format=memory_format))
    recorded = np.load(folder / 'output.npz')[array]
    assert np.abs(maps.numpy() - recorded).max() <= tolerance * recorded.std()


@pytest.mark.parametrize('with_cp', [False, True])
def test_gradients_and_statistics_are_the_recorded_ones(network, folder, with_cp):
    record = json.loads((folder / 'train.json').read_text(encoding='utf-8'))
    for module in network.modules():
        if hasattr(module, 'with_cp'):
            module.with_cp = with_cp
    x = draw_input(tuple(record['input_shape']), record['input_seed']).double()
    loss = _run(network.double().train(), x).square().mean()
    loss.backward()
    assert loss.item() == pytest.approx(record['loss_f64'], rel=1e-9)
    norms = {name: p.grad.norm().item() for name, p in network.named_parameters()}
    assert norms == pytest.approx(record['grad_norm_f64'], rel=1e-6, abs=1e-9)
    buffers = {name: b.double().norm().item() for name, b in network.named_buffers()}
    assert buffers == pytest.approx(record['buffer_norm_after_forward'], rel=1e-4)
