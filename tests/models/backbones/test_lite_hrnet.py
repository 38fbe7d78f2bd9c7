"""Lite-HRNet: checkpointing, stems that widen, stages without exchange, wrong settings."""

import copy

import pytest
import torch
from registry_cases import LITE_EXTRA

from posenas.models import LiteHRNet
from posenas.utils import ConfigError


def change(**values):
    extra = copy.deepcopy(LITE_EXTRA)
    spec = {key: values.pop(key) for key in list(values) if key in extra['stages_spec']}
    extra['stages_spec'].update(spec)
    return extra | values


def run(extra, **options):
    torch.manual_seed(0)
    return LiteHRNet(extra, **options), torch.randn(2, 3, 64, 64)


def test_checkpointing_changes_neither_gradients_nor_statistics():
    states = []
    for with_cp in (False, True):
        network, x = run(LITE_EXTRA, with_cp=with_cp)
        network.train()(x.requires_grad_())[0].square().mean().backward()
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        states.append([*gradients, *(b for b in network.buffers() if b.is_floating_point())])
    for plain, recomputed in zip(*states, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_the_path_from_branch_0_counts_its_batch_twice():
    network, x = run(change(with_head=True))
    network.train()(x)
    norm = network.stage0[0].fuse_layers[1][0][0][1]
    assert norm.num_batches_tracked == 2


@pytest.mark.parametrize(
    ('extra', 'channels'),
    [
        (change(stem=dict(stem_channels=16, out_channels=24, expand_ratio=0.5)), 40),
        (change(with_fuse=(False, False)), 40),
        (change(module_type=('Lite', 'Lite'), with_head=True), 40),
    ],
)
def test_other_settings_give_a_map_at_a_quarter_of_the_size(extra, channels):
    network, x = run(extra)
    assert network(x)[0].shape == (2, channels, 16, 16)


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        (change(module_type=('LITE', 'HEAVY')), 'module_type must be one of'),
        (change(stem=dict(stem_channels=32, out_channels=24)), 'at least stem_channels'),
        (change(num_channels=((41, 80), (40, 80, 160))), 'must be even'),
        (change(reduce_ratios=(8,)), 'reduce_ratios'),
    ],
)
def test_impossible_settings_are_refused(extra, message):
    with pytest.raises(ValueError, match=message):
        LiteHRNet(extra)


def test_sides_must_be_multiples_of_the_last_stride():
    with pytest.raises(ConfigError, match='multiples of 16'):
        run(LITE_EXTRA)[0](torch.zeros(1, 3, 64, 40))
