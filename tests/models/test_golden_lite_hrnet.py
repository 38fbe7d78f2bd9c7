"""Lite-HRNet-18 and -30 against the recorded reference."""

import re

import numpy as np
import pytest
import torch
from golden.calibrated import calibrate, compare_outputs, compare_probes
from golden.records import Deviation
from golden.seeded import draw_state_dict, load_manifest
from torch import nn

from posenas.models import HeatmapHead, LiteHRNet
from posenas.models.fused import fuse
from posenas.utils.profiling import profile_model

#: Recorded network -> modules of each stage.
VARIANTS = {'litehrnet18_coco_256x192': (2, 4, 2), 'litehrnet30_coco_256x192': (3, 8, 3)}
WIDTHS = ((40, 80), (40, 80, 160), (40, 80, 160, 320))
#: Compared quantity -> precision and largest deviation; records of heatmaps are float32.
TOLERANCES = {
    'output': ('float64', 1e-6),
    'calibrated output': ('float64', 1e-6),
    'calibrated output, float32': ('float32', 1e-4),
    'probes': ('float64', 1e-6),
    'fused form': ('float64', 1e-6),
}


def describe(num_modules, module_type='LITE', num_channels=WIDTHS):
    return dict(
        stem=dict(stem_channels=32, out_channels=32, expand_ratio=1),
        num_stages=3,
        stages_spec=dict(
            num_modules=num_modules,
            num_branches=(2, 3, 4),
            num_blocks=(2, 2, 2),
            module_type=(module_type,) * 3,
            with_fuse=(True, True, True),
            reduce_ratios=(8, 8, 8),
            num_channels=num_channels,
        ),
        with_head=True,
    )


def build_network(extra):
    head = HeatmapHead(extra['stages_spec']['num_channels'][0][0], 17, deconv_out_channels=None)
    return nn.ModuleDict(dict(backbone=LiteHRNet(extra), head=head))


def profile(extra, size=(256, 192)):
    with torch.device('meta'):
        network = nn.Sequential(*build_network(extra).children())
        return profile_model(network, torch.empty(1, 3, *size))


def _measure(folder):
    """Yield every compared quantity with our largest deviation."""
    manifest = load_manifest(folder)
    extra = describe(VARIANTS[folder.name])
    records = np.load(folder / 'output.npz')
    network = build_network(extra)
    network.load_state_dict(draw_state_dict(manifest))
    yield 'output', compare_outputs(network.eval(), manifest, [records['output']])
    network = calibrate(build_network(extra), manifest)
    calibrated = [records['calibrated_output']]
    yield 'calibrated output', compare_outputs(network, manifest, calibrated)
    yield 'probes', compare_probes(network, manifest)
    fuse(network)
    yield 'fused form', compare_outputs(network, manifest, calibrated)
    yield (
        'calibrated output, float32',
        compare_outputs(network, manifest, calibrated, torch.float32),
    )


def measure_parity(golden_dir):
    """Compare both networks with all their recordings."""
    rows = []
    for variant, num_modules in VARIANTS.items():
        cost = profile(describe(num_modules))
        rows += [
            Deviation(variant, name, precision, deviation, tolerance, cost.parameters, cost.macs)
            for name, deviation in _measure(golden_dir / variant)
            for precision, tolerance in [TOLERANCES[name]]
        ]
    return rows


_LARGE = pytest.param('litehrnet30_coco_256x192', marks=pytest.mark.slow)


@pytest.fixture(params=['litehrnet18_coco_256x192', _LARGE])
def folder(golden_dir, request):
    return golden_dir / request.param


def test_state_dict_has_the_recorded_entries_in_order(folder):
    manifest = load_manifest(folder)
    with torch.device('meta'):
        ours = build_network(describe(VARIANTS[folder.name])).state_dict()
    recorded = [(entry['name'], entry['shape']) for entry in manifest['state_dict']]
    assert [(name, list(value.shape)) for name, value in ours.items()] == recorded


@pytest.mark.parametrize(
    ('num_modules', 'size', 'kind', 'widths', 'parameters', 'executed'),
    [
        ((2, 4, 2), (256, 192), 'LITE', WIDTHS, 1_130_769, 242_345_088),
        pytest.param(
            *((3, 8, 3), (256, 192), 'LITE', WIDTHS, 1_763_717, 386_103_648),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *((2, 4, 2), (384, 288), 'LITE', WIDTHS, 1_130_769, 545_144_448),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *((3, 8, 3), (384, 288), 'LITE', WIDTHS, 1_763_717, 868_514_208),
            marks=pytest.mark.slow,
        ),
        (
            (2, 4, 2),
            (256, 192),
            'naive',
            ((30, 60), (30, 60, 120), (30, 60, 120, 240)),
            760_365,
            211_049_088,
        ),
        pytest.param(
            *((2, 4, 2), (256, 192), 'NAIVE', WIDTHS, 1_318_625, 346_050_048),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_cost_is_the_recorded_one_less_what_the_release_evaluates_twice(
    num_modules, size, kind, widths, parameters, executed
):
    cost = profile(describe(num_modules, kind, widths), size)
    twice = [m for m in cost.modules if re.search(r'fuse_layers\.[1-9]\.0$', m.name)]
    assert cost.parameters == parameters
    assert cost.macs + sum(m.operations.macs for m in twice) == executed


def test_outputs_of_every_form_are_the_recorded_ones(folder):
    for quantity, deviation in _measure(folder):
        assert deviation <= TOLERANCES[quantity][1], quantity
