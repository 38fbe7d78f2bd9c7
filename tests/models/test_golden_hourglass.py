"""Stacked hourglasses against the recorded reference."""

import json

import numpy as np
import pytest
import torch
from golden.fpd_records import TOLERANCES, calibrate, measure_recording
from golden.records import Deviation, compare, compare_norms, gradient_norms
from golden.seeded import draw_input, draw_state_dict, load_manifest
from mmengine.structures import InstanceData, PixelData

from posenas.convert import convert_state_dict
from posenas.models import Hourglass, StackedHourglassHead
from posenas.structures import PoseDataSample
from posenas.utils.profiling import profile_model

VARIANT = 'hourglass_s4_f128_mpii_256x256'
STEP_SHAPE = (2, 3, 128, 128)


def _make_network(manifest, **cfg):
    network = Hourglass(**cfg)
    network.load_state_dict(draw_state_dict(manifest))
    return network


def _run(network, x):
    return torch.stack(network(x))


def _measure_teacher(folder):
    """Compare the last stack of the teacher of the recorded step, calibrated as recorded."""
    manifest = json.loads((folder / 'teacher_manifest.json').read_text(encoding='utf-8'))
    network = _make_network(manifest, num_stacks=2, num_features=256)
    calibrate(network, draw_input(STEP_SHAPE, 1))
    with torch.no_grad():
        maps = network(draw_input(STEP_SHAPE, 0))[-1]
    cost = profile_model(network, torch.zeros(1, *STEP_SHAPE[1:]))
    deviation = compare(maps.numpy(), np.load(folder / 'inputs.npz')['teacher_output'])
    return Deviation(
        'hourglass_s2_f256_mpii_128x128',
        'teacher_output',
        precision='float32',
        deviation=deviation,
        tolerance=1e-3,
        parameters=cost.parameters,
        macs=cost.macs,
    )


def measure_parity(golden_dir):
    """Compare the student with all its recordings, and a teacher with its one."""
    folder = golden_dir / 'fpd' / VARIANT
    manifest = load_manifest(folder)
    cost = profile_model(Hourglass(), torch.zeros(manifest['input_shape']))
    student = [
        Deviation(VARIANT, name, precision, deviation, tolerance, cost.parameters, cost.macs)
        for name, deviation in measure_recording(folder, lambda: _make_network(manifest), _run)
        for precision, tolerance in [TOLERANCES[name]]
    ]
    return [*student, _measure_teacher(golden_dir / 'fpd' / 'fpd_step')]


@pytest.fixture(scope='module')
def step(golden_dir):
    """The recorded training step: expectations and arrays."""
    folder = golden_dir / 'fpd' / 'fpd_step'
    expected = json.loads((folder / 'expected.json').read_text(encoding='utf-8'))
    return expected['alpha']['0.0'], np.load(folder / 'inputs.npz')


def test_converted_names_are_ours_in_the_recorded_order(golden_dir):
    manifest = load_manifest(golden_dir / 'fpd' / VARIANT)
    network = torch.nn.ModuleDict(dict(backbone=Hourglass()))
    converted = convert_state_dict(draw_state_dict(manifest))
    ours = network.state_dict()
    assert list(converted) == list(ours)
    assert all(converted[name].shape == ours[name].shape for name in ours)
    assert len(ours) == 1298


@pytest.mark.parametrize(
    ('num_features', 'parameters', 'macs'),
    [(128, 3_287_936, 3_907_256_320), (256, 13_018_816, 15_357_444_096)],
)
def test_cost_is_the_published_one(num_features, parameters, macs):
    with torch.device('meta'):
        network = Hourglass(num_features=num_features)
        cost = profile_model(network, torch.empty(1, 3, 256, 256))
    assert (cost.parameters, cost.macs) == (parameters, macs)


def test_outputs_gradients_and_statistics_are_the_recorded_ones(golden_dir):
    deviations = measure_parity(golden_dir)
    assert {row.array for row in deviations} == {*TOLERANCES, 'teacher_output'}
    for row in deviations:
        assert row.deviation <= row.tolerance, row


def test_loss_of_the_head_and_its_gradients_are_the_recorded_ones(golden_dir, step):
    expected, arrays = step
    network = _make_network(load_manifest(golden_dir / 'fpd' / VARIANT)).double().train()
    head = StackedHourglassHead(
        16, loss=dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5)
    )
    samples = []
    for target, weights in zip(arrays['target'], arrays['target_weight'], strict=True):
        sample = PoseDataSample()
        sample.gt_fields = PixelData(heatmaps=torch.from_numpy(target).double())
        sample.gt_instance_labels = InstanceData(
            keypoint_weights=torch.from_numpy(weights.T).double()
        )
        samples.append(sample)
    loss = head.loss(network(draw_input(STEP_SHAPE, 0).double()), samples)['loss_kpt']
    loss.backward()
    assert loss.item() == pytest.approx(expected['pose_loss'], rel=1e-6)
    assert compare_norms(gradient_norms(network), expected['grad_norm']) <= 1e-6
