"""RTMPose-t and -s, and small heads with every option, against the recorded reference."""

import json

import numpy as np
import pytest
import torch
from golden.calibrated import calibrate, compare_outputs, compare_probes, run
from golden.records import Deviation, compare
from golden.seeded import draw_input, draw_state_dict, load_manifest
from torch import nn

from posenas.models import CSPNeXt, RTMCCHead
from posenas.models.fused import fuse
from posenas.utils.profiling import profile_model

#: Recorded network -> factors of depth and width, channels of the last feature.
VARIANTS = {
    'rtmpose_t_coco_256x192': (0.167, 0.375, 384),
    'rtmpose_s_coco_256x192': (0.33, 0.5, 512),
}
#: Compared quantity -> precision and largest deviation.
TOLERANCES = {
    'output': ('float64', 1e-6),
    'calibrated output': ('float64', 1e-6),
    'calibrated output, float32': ('float32', 1e-4),
    'probes': ('float64', 1e-6),
    'fused form': ('float64', 1e-6),
}
HEADS = ('published', 'rel_bias', 'pos_enc_relu')


def _build_network(variant):
    deepen, widen, channels = VARIANTS[variant]
    norm_cfg = dict(type='BN')
    return nn.ModuleDict(
        dict(
            backbone=CSPNeXt('P5', deepen, widen, out_indices=(4,), norm_cfg=norm_cfg),
            head=RTMCCHead(
                channels,
                17,
                (192, 256),
                (6, 8),
                final_layer_kernel_size=7,
                gau_cfg=dict(act_fn='SiLU'),
            ),
        )
    )


def _profile(manifest):
    with torch.device('meta'):
        network = nn.Sequential(*_build_network(manifest['variant']).children())
        return profile_model(network, torch.empty(1, *manifest['input_shape'][1:]))


def _measure(folder):
    """Yield every compared quantity with our largest deviation."""
    manifest = load_manifest(folder)
    records = np.load(folder / 'output.npz')
    raw = [records[f'pred_{axis}'] for axis in 'xy']
    calibrated = [records[f'calibrated_pred_{axis}'] for axis in 'xy']
    network = _build_network(manifest['variant'])
    network.load_state_dict(draw_state_dict(manifest))
    yield 'output', compare_outputs(network.eval(), manifest, raw)
    network = calibrate(_build_network(manifest['variant']), manifest)
    yield 'calibrated output', compare_outputs(network, manifest, calibrated)
    yield 'probes', compare_probes(network, manifest)
    fuse(network)
    yield 'fused form', compare_outputs(network, manifest, calibrated)
    yield (
        'calibrated output, float32',
        compare_outputs(network, manifest, calibrated, torch.float32),
    )


def _compare_head(golden_dir, case):
    """Return our largest difference of a small head from its record."""
    content = json.loads((golden_dir / 'simcc' / 'cases.json').read_text(encoding='utf-8'))
    record, arrays = content['heads'][case], np.load(golden_dir / 'simcc' / 'simcc_codec.npz')
    head = RTMCCHead(**content['head_args'], gau_cfg=record['gau_cfg'])
    assert [n for n, _ in head.state_dict().items()] == [e['name'] for e in record['state_dict']]
    head.load_state_dict(draw_state_dict(record))
    for name, value in record['overrides'].items():
        head.get_parameter(name).data.fill_(value)
    branches = []
    head.gau.o.register_forward_hook(lambda module, args, output: branches.append(output))
    with torch.no_grad():
        axes = head.double().eval()((draw_input((2, 24, 4, 3), 7).double(),))
    pairs = zip(('x', 'y', 'gau_branch'), (*axes, *branches), strict=True)
    return max(compare(ours.numpy(), arrays[f'head_{case}_{name}']) for name, ours in pairs)


def measure_parity(golden_dir):
    """Compare both networks with all their recordings."""
    rows = []
    for variant in VARIANTS:
        folder = golden_dir / variant
        cost = _profile(load_manifest(folder))
        rows += [
            Deviation(variant, name, precision, deviation, tolerance, cost.parameters, cost.macs)
            for name, deviation in _measure(folder)
            for precision, tolerance in [TOLERANCES[name]]
        ]
    return rows


_LARGE = pytest.param('rtmpose_s_coco_256x192', marks=pytest.mark.slow)


@pytest.fixture(params=['rtmpose_t_coco_256x192', _LARGE])
def folder(golden_dir, request):
    return golden_dir / request.param


def test_state_dict_has_the_recorded_entries_in_order(folder):
    manifest = load_manifest(folder)
    ours = _build_network(manifest['variant']).state_dict()
    recorded = [(entry['name'], entry['shape']) for entry in manifest['state_dict']]
    assert [(name, list(value.shape)) for name, value in ours.items()] == recorded


def test_cost_is_the_recorded_one(folder):
    manifest = load_manifest(folder)
    cost = _profile(manifest)
    assert cost.parameters == manifest['num_params']
    assert cost.macs + cost.operations.matmul == manifest['macs']
    assert cost.operations.matmul == manifest['macs_detail']['bmm']


def test_outputs_of_every_form_are_the_recorded_ones(folder):
    for quantity, deviation in _measure(folder):
        assert deviation <= TOLERANCES[quantity][1], quantity


@pytest.mark.parametrize('case', HEADS)
def test_a_head_with_options_gives_the_recorded_output(golden_dir, case):
    assert _compare_head(golden_dir, case) <= 1e-9


def test_the_record_sees_the_attention(golden_dir):
    folder = golden_dir / 'rtmpose_t_coco_256x192'
    manifest = load_manifest(folder)
    network = calibrate(_build_network(manifest['variant']), manifest)
    x = draw_input(tuple(manifest['input_shape'])).double()
    with torch.no_grad():
        whole = run(network, x)[0]
        network['head'].gau.o.weight.zero_()
        assert compare(run(network, x)[0].numpy(), whole.numpy()) > 0.1
