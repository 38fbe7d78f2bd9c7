"""Dite-HRNet-18 against the recorded reference."""

import json
import re

import numpy as np
import pytest
import torch
from golden.calibrated import compare_probes
from golden.records import Deviation, compare
from golden.seeded import draw_input, draw_state_dict, load_manifest
from torch import nn

from posenas.convert import convert_state_dict
from posenas.models import DiteHRNet, HeatmapHead
from posenas.utils.profiling import profile_model

VARIANTS = ('ditehrnet18_coco_256x192', 'ditehrnet18_mpii_256x256')
#: Recorded array or quantity -> precision and largest deviation.
TOLERANCES = {
    'output': ('float64', 1e-6),
    'output_tamed': ('float32', 1e-5),
    'probes': ('float64', 1e-9),
    'loss': ('float64', 1e-9),
    'gradient norms': ('float64', 1e-5),
    'statistics': ('float64', 1e-9),
}
#: Recorded norms up to this are zero in exact arithmetic; ours must be as small.
ZERO = 1e-9


def _build_network(manifest, with_cp=False):
    cfg = dict(manifest['config']['backbone'], with_cp=with_cp)
    del cfg['type']
    head = HeatmapHead(40, manifest['output_shape'][1], deconv_out_channels=None)
    return nn.ModuleDict(dict(backbone=DiteHRNet(**cfg), head=head))


def _make_network(manifest, with_cp=False, is_tamed=False):
    """Build the seeded network; in its tame form activations stay in range."""
    network = _build_network(manifest, with_cp)
    weights = draw_state_dict(manifest)
    for pattern, factor in manifest['tamed_scale'] if is_tamed else ():
        weights.update({n: w * factor for n, w in weights.items() if re.search(pattern, n)})
    network.load_state_dict(convert_state_dict(weights))
    return network


def _run(network, x):
    return network['head'](network['backbone'](x))


def _compare_output(folder, array, memory_formats=(torch.contiguous_format,)):
    """Return our largest difference from a recorded array, in any of the memory formats."""
    manifest = load_manifest(folder)
    dtype = getattr(torch, TOLERANCES[array][0])
    network = _make_network(manifest, is_tamed=array == 'output_tamed').to(dtype).eval()
    x = draw_input(tuple(manifest['input_shape'])).to(dtype)
    recorded = np.load(folder / 'output.npz')[array]
    deviations = []
    for memory_format in memory_formats:
        network.to(memory_format=memory_format)
        with torch.no_grad():
            maps = _run(network, x.contiguous(memory_format=memory_format))
        deviations.append(compare(maps.numpy(), recorded))
    return max(deviations)


def _compare_probes(folder):
    """Return our largest relative difference from mean and norm of inner maps."""
    manifest = load_manifest(folder)
    return compare_probes(_make_network(manifest).double().eval(), manifest)


def _compare_norms(ours, recorded):
    """Return the largest relative difference; norms that are zero must be about as small."""
    assert ours.keys() == recorded.keys()
    assert all(ours[name] <= 2 * ZERO for name, norm in recorded.items() if norm <= ZERO)
    return max(abs(ours[name] / norm - 1) for name, norm in recorded.items() if norm > ZERO)


def _measure_step(network, record):
    """Yield every recorded quantity of a training step with our largest relative deviation."""
    x = draw_input(tuple(record['input_shape']), record['input_seed']).double()
    loss = _run(network.double().train(), x).square().mean()
    loss.backward()
    yield 'loss', abs(loss.item() / record['loss'] - 1)
    norms = {n: p.grad.norm().item() for n, p in network.named_parameters() if p.grad is not None}
    recorded = convert_state_dict(record['grad_norm'], source='mmpose0')
    yield (
        'gradient norms',
        _compare_norms(norms, {n: g for n, g in recorded.items() if g is not None}),
    )
    buffers = {n: b.norm().item() for n, b in network.named_buffers() if b.is_floating_point()}
    yield 'statistics', _compare_norms(buffers, record['buffers_after'])


def _profile(manifest):
    with torch.device('meta'):
        network = nn.Sequential(*_build_network(manifest).children())
        return profile_model(network, torch.empty(1, *manifest['input_shape'][1:]))


def _load_record(golden_dir):
    return json.loads((golden_dir / VARIANTS[0] / 'train.json').read_text(encoding='utf-8'))


def measure_parity(golden_dir):
    """Compare both networks with all their recordings."""
    rows = []
    for variant in VARIANTS:
        folder = golden_dir / variant
        manifest = load_manifest(folder)
        found = {array: _compare_output(folder, array) for array in manifest['arrays']}
        found['probes'] = _compare_probes(folder)
        if (folder / 'train.json').exists():
            found.update(_measure_step(_make_network(manifest), _load_record(golden_dir)))
        cost = _profile(manifest)
        rows += [
            Deviation(variant, name, precision, deviation, tolerance, cost.parameters, cost.macs)
            for name, deviation in found.items()
            for precision, tolerance in [TOLERANCES[name]]
        ]
    return rows


@pytest.fixture(params=VARIANTS)
def folder(golden_dir, request):
    return golden_dir / request.param


def test_state_dict_has_the_recorded_entries_in_order(folder):
    manifest = load_manifest(folder)
    network = _build_network(manifest)
    ours = [(name, list(value.shape)) for name, value in network.state_dict().items()]
    recorded = [
        (entry['name'].replace('keypoint_head.', 'head.'), entry['shape'])
        for entry in manifest['state_dict']
    ]
    assert ours == recorded
    assert len(ours) == 2654


def test_cost_is_the_recorded_one_less_what_the_release_evaluates_twice(folder):
    manifest = load_manifest(folder)
    cost = _profile(manifest)
    twice = [m for m in cost.modules if re.search(r'fuse_layers\.[1-9]\.0$', m.name)]
    assert cost.parameters == manifest['num_params']
    assert cost.macs + sum(m.operations.macs for m in twice) == manifest['macs']


@pytest.mark.parametrize('array', ['output', 'output_tamed'])
def test_output_is_the_recorded_one_in_every_memory_format(folder, array):
    memory_formats = (torch.contiguous_format, torch.channels_last)
    assert _compare_output(folder, array, memory_formats) <= TOLERANCES[array][1]


def test_inner_maps_are_the_recorded_ones(folder):
    assert _compare_probes(folder) <= TOLERANCES['probes'][1]


@pytest.mark.parametrize('with_cp', [False, True])
def test_gradients_and_statistics_are_the_recorded_ones(golden_dir, with_cp):
    network = _make_network(load_manifest(golden_dir / VARIANTS[0]), with_cp=with_cp)
    for quantity, deviation in _measure_step(network, _load_record(golden_dir)):
        assert deviation <= TOLERANCES[quantity][1], quantity


def test_only_the_masks_that_the_release_never_uses_are_frozen(golden_dir):
    network = _build_network(load_manifest(golden_dir / VARIANTS[0]))
    frozen = [name for name, p in network.named_parameters() if not p.requires_grad]
    assert frozen == _load_record(golden_dir)['no_grad']
