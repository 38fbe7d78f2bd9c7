"""HRNet against its recordings; the measured cost of its variants and of the ResNet baselines."""

import pytest
import torch
from golden.fpd_records import TOLERANCES, measure_recording
from golden.records import Deviation
from golden.seeded import draw_state_dict, load_manifest
from mmengine.registry import init_default_scope
from source_files import ROOT

from posenas.apis.model_zoo import find_model
from posenas.convert import convert_state_dict
from posenas.registry import MODELS
from posenas.utils.config import load_config
from posenas.utils.profiling import profile_model

VARIANT = 'pose_hrnet_w32_coco_256x192'
CONFIGS = ROOT / 'configs' / 'top_down'


def _build(name, **backbone):
    """Build the estimator of a config."""
    init_default_scope('posenas')
    cfg = load_config(CONFIGS / f'{name}.py').model
    cfg.backbone.update(backbone)
    return MODELS.build(cfg)


def _make_network(manifest, **backbone):
    """Build the network with the names of the reference: a backbone that owns the last layer."""
    model = _build('hrnet/coco/hrnet_w32_coco_256x192', **backbone)
    network = model.backbone
    network.final_layer = model.head.final_layer
    network.load_state_dict(draw_state_dict(manifest))
    return network


def _run(network, x):
    return network.final_layer(network(x)[0])


def measure_parity(golden_dir, **backbone):
    """Compare HRNet-W32 with all its recordings."""
    folder = golden_dir / 'fpd' / VARIANT
    manifest = load_manifest(folder)
    with torch.device('meta'):
        model = _build('hrnet/coco/hrnet_w32_coco_256x192')
        cost = profile_model(model, torch.empty(manifest['input_shape']))
    recording = measure_recording(folder, lambda: _make_network(manifest, **backbone), _run)
    return [
        Deviation(VARIANT, name, precision, deviation, tolerance, cost.parameters, cost.macs)
        for name, deviation in recording
        for precision, tolerance in [TOLERANCES[name]]
    ]


@pytest.fixture(scope='module')
def manifest(golden_dir):
    return load_manifest(golden_dir / 'fpd' / VARIANT)


def test_a_published_checkpoint_is_ours_after_conversion(manifest):
    published = draw_state_dict(manifest)
    with torch.device('meta'):
        ours = _build('hrnet/coco/hrnet_w32_coco_256x192').state_dict()
    converted = convert_state_dict(published)
    assert list(converted) == list(ours)
    assert all(converted[name].shape == ours[name].shape for name in ours)


def test_network_has_the_recorded_names_in_order(manifest):
    with torch.device('meta'):
        model = _build('hrnet/coco/hrnet_w32_coco_256x192')
    entries = [*model.backbone.state_dict().items(), *model.head.state_dict().items()]
    recorded = [(entry['name'], entry['shape']) for entry in manifest['state_dict']]
    assert [(name, list(value.shape)) for name, value in entries] == recorded


@pytest.mark.parametrize('with_cp', [False, pytest.param(True, marks=pytest.mark.slow)])
def test_outputs_gradients_and_statistics_are_the_recorded_ones(golden_dir, with_cp):
    deviations = measure_parity(golden_dir, with_cp=with_cp)
    assert {row.array for row in deviations} == TOLERANCES.keys()
    for row in deviations:
        assert row.deviation <= row.tolerance, row


@pytest.mark.parametrize(
    ('name', 'parameters', 'macs'),
    [
        ('hrnet_w32_coco_256x192', 28_536_113, 7_645_003_776),
        ('hrnet_w32_coco_384x288', 28_536_113, 17_201_258_496),
        ('hrnet_w32_mpii_256x256', 28_536_080, 10_193_207_296),
        ('res101_coco_256x192', 52_991_825, 9_062_842_368),
    ],
)
def test_the_metafile_states_the_measured_cost(name, parameters, macs):
    # tests/test_configs.py compares every network with its metafile
    stated = find_model(name).metadata
    assert (stated['Parameters'], stated['MACs']) == (parameters, macs)


def test_cost_of_the_shallowest_baseline_is_the_measured_one():
    cfg = load_config(CONFIGS / 'resnet/synthetic/res18_synthetic_128x96.py').model
    with torch.device('meta'):
        cost = profile_model(MODELS.build(cfg), torch.empty(1, 3, 256, 192))
    assert (cost.parameters, cost.macs) == (15_376_721, 2_897_215_488)
