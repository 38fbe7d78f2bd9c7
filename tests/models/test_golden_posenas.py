"""PoseNAS networks against the recorded reference."""

import json

import numpy as np
import pytest
import torch
from golden.records import Deviation, compare
from golden.seeded import draw_input, draw_state_dict, load_manifest
from torch import nn

from posenas.convert import convert_state_dict, export_state_dict
from posenas.models import PoseNAS, PoseNASHead
from posenas.utils.profiling import profile_model

L12, L18 = 'l12_c32_coco_256x192', 'l18_c48_coco_256x192'
SIZES = {L12: (12, 32), L18: (18, 48)}
#: Array -> precision and largest deviation, from the README of the recordings.
TOLERANCES = {
    'output': ('float32', 2e-5),
    'output_stage1': ('float32', 2e-5),
    'intermediates': ('float32', 2e-5),
    'output_calibrated': ('float64', 1e-5),
    'output_stage1_calibrated': ('float64', 1e-5),
    'train_output': ('float64', 1e-6),
    'train_output_stage1': ('float64', 1e-6),
    'loss': ('float64', 1e-6),
    'gradient norms': ('float64', 1e-6),
    'gradient norms of the last stage': ('float64', 1e-6),
    'statistics': ('float64', 1e-6),
}
each_variant = pytest.mark.parametrize(
    'variant', [L12, pytest.param(L18, marks=pytest.mark.slow)], ids=['L12-C32', 'L18-C48']
)


class Network(nn.Module):
    """Backbone and head, which returns the maps of all stages."""

    def __init__(self, layers, channels, joints=17, **cfg):
        super().__init__()
        self.backbone = PoseNAS(layers, channels, **cfg)
        self.head = PoseNASHead(2 * channels, joints, self.backbone.num_stages)

    def forward(self, x):
        return self.head(self.backbone(x))


def make_recorded(manifest):
    network = Network(*SIZES[manifest['variant']])
    network.load_state_dict(convert_state_dict(draw_state_dict(manifest), 'posenas'))
    return network


def run_recorded(network, shape, seed=0, dtype=torch.float32):
    """Return the maps of both stages as arrays, the last one first."""
    with torch.no_grad():
        return [maps.numpy() for maps in network(draw_input(tuple(shape), seed).to(dtype))][::-1]


def watch(network, names):
    """Let the network fill a dict with what the modules of these recorded names return."""
    seen = {}
    modules = dict(network.backbone.named_modules())
    for name in names:
        path = name.partition(' ')[0]
        if path in modules and 'input level' not in name:
            modules[path].register_forward_hook(
                lambda module, inputs, output, name=name: seen.update({name: output})
            )

    def see_inputs(module, inputs):
        seen.update({f'stage2 input level {k} (fused)': x for k, x in enumerate(inputs[0])})

    network.backbone.stage2.register_forward_pre_hook(see_inputs)
    return seen


def measure_intermediates(network, folder, shape):
    """Compare mean, deviation and first values of every recorded map, relative to deviation."""
    recorded = {e['name']: e for e in json.loads((folder / 'intermediates.json').read_text())}
    seen = watch(network, recorded)
    run_recorded(network, shape)
    assert {name for name in recorded if 'heatmaps' not in name} == seen.keys()
    worst = 0.0
    for name, output in seen.items():
        entry, ours = recorded[name], output.double()
        figures = [ours.mean(), ours.std(correction=0), *ours.flatten()[:8]]
        wanted = [entry['mean'], entry['std'], *entry['first8']]
        assert list(ours.shape) == entry['shape']
        gaps = (abs(one.item() - two) for one, two in zip(figures, wanted, strict=True))
        worst = max(worst, *(gap / entry['std'] for gap in gaps))
    return worst


def measure_evaluation(folder, manifest):
    """Yield array and deviation of both evaluation recordings."""
    arrays, shape = np.load(folder / 'output.npz'), manifest['input_shape']
    network = make_recorded(manifest).eval()
    for name, ours in zip(('output', 'output_stage1'), run_recorded(network, shape), strict=True):
        yield name, compare(ours, arrays[name])
    yield 'intermediates', measure_intermediates(network, folder, shape)
    network = make_recorded(manifest).double().train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    run_recorded(network, (2, *shape[1:]), 1, torch.float64)
    calibrated = run_recorded(network.eval(), shape, dtype=torch.float64)
    for name, ours in zip(('output', 'output_stage1'), calibrated, strict=True):
        yield f'{name}_calibrated', compare(ours, arrays[f'{name}_calibrated'])


def compare_norms(ours, recorded):
    """Return the largest difference of norms, relative to each recorded one."""
    assert ours.keys() == recorded.keys()
    return max(abs(ours[name] - norm) / (norm or 1) for name, norm in recorded.items())


def gradient_norms(network, loss):
    """Return the norms of the gradients under the recorded names."""
    network.zero_grad()
    loss.backward(retain_graph=True)
    norms = {
        name: 0.0 if p.grad is None else p.grad.norm().item()
        for name, p in network.named_parameters()
    }
    return export_state_dict(norms, 'posenas')


def measure_training(folder, manifest):
    """Yield array and deviation of the recorded training step."""
    record = json.loads((folder / 'train.json').read_text())
    arrays = np.load(folder / 'output.npz')
    network = make_recorded(manifest).double().train()
    x = draw_input(tuple(record['input_shape']), record['input_seed']).double()
    maps = network(x)[::-1]
    for name, ours in zip(('train_output', 'train_output_stage1'), maps, strict=True):
        if name in arrays:
            yield name, compare(ours[:1].detach().numpy(), arrays[name][:1])
    losses = [stage.square().mean() for stage in maps]
    yield 'loss', abs(sum(losses).item() / record['loss'] - 1)
    norms = gradient_norms(network, sum(losses))
    yield 'gradient norms', compare_norms(norms, record['grad_norms'])
    norms = gradient_norms(network, losses[0])
    last = record['final_only']['grad_norms']
    yield 'gradient norms of the last stage', compare_norms(norms, last)
    buffers = export_state_dict(dict(network.named_buffers()), 'posenas')
    statistics = {name: b.norm().item() for name, b in buffers.items() if b.is_floating_point()}
    yield 'statistics', compare_norms(statistics, record['running_stats_norms'])
    counts = {name: b.item() for name, b in buffers.items() if not b.is_floating_point()}
    repeated = {name: count for name, count in counts.items() if count != 1}
    assert repeated == record['num_batches_tracked_not_one']


def measure_variant(golden_dir, variant):
    """Compare one network with all its recordings."""
    folder = golden_dir / 'posenas' / variant
    manifest = load_manifest(folder)
    with torch.device('meta'):
        cost = profile_model(Network(*SIZES[variant]), torch.empty(manifest['input_shape']))
    measured = [*measure_evaluation(folder, manifest), *measure_training(folder, manifest)]
    return [
        Deviation(f'posenas_{variant}', name, precision, gap, allowed, cost.parameters, cost.macs)
        for name, gap in measured
        for precision, allowed in [TOLERANCES[name]]
    ]


def measure_parity(golden_dir):
    """Compare both networks with all their recordings."""
    return [row for variant in SIZES for row in measure_variant(golden_dir, variant)]


@pytest.mark.parametrize('variant', SIZES)
def test_names_are_the_recorded_ones_in_order(golden_dir, variant):
    manifest = load_manifest(golden_dir / 'posenas' / variant)
    recorded = {entry['name']: entry['shape'] for entry in manifest['state_dict']}
    with torch.device('meta'):
        state = Network(*SIZES[variant]).state_dict()
    exported = export_state_dict(state, 'posenas')
    assert {name: list(value.shape) for name, value in exported.items()} == recorded
    # The head keeps the final layers, which the release has inside its stages.
    assert [name for name in exported if 'final' not in name] == [
        name for name in recorded if 'final' not in name
    ]


@each_variant
def test_outputs_gradients_and_statistics_are_the_recorded_ones(golden_dir, variant):
    rows = measure_variant(golden_dir, variant)
    assert {row.array for row in rows} >= TOLERANCES.keys() - {
        'train_output',
        'train_output_stage1',
    }
    for row in rows:
        assert row.deviation <= row.tolerance, row


#: layers, C0, stages, se_ratio, parameters, input (height, width) -> MACs of the reference.
TABLE = [
    (18, 48, 2, None, 22_170_738, {(256, 192): 4_348_306_944, (384, 288): 9_783_535_104}),
    (12, 32, 2, None, 11_338_050, {(256, 192): 2_013_321_216}),
    (18, 48, 1, None, 15_733_409, {(256, 192): 3_221_975_808, (384, 288): 7_249_367_808}),
    (12, 32, 1, None, 5_520_113, {(256, 192): 1_059_154_944}),
    (12, 32, 1, 2, 5_506_113, {(256, 192): 1_059_141_120}),
]


@pytest.mark.parametrize(('layers', 'channels', 'stages', 'ratio', 'params', 'macs'), TABLE)
def test_cost_is_the_reference_one(layers, channels, stages, ratio, params, macs):
    with torch.device('meta'):
        network = Network(layers, channels, num_stages=stages, se_ratio=ratio)
    for (height, width), reference in macs.items():
        cost = profile_model(network, torch.empty(1, 3, height, width, device='meta'))
        # The release projects d0 twice, we do it once and double the result.
        projection = 2 * channels * 64 * height * width // 16 if stages == 2 else 0
        assert cost.parameters == params
        assert cost.macs + projection == reference
