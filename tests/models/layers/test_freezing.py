import pytest
import torch
from torch import nn

from posenas.models.layers import fix_statistics, freeze
from posenas.registry import MODELS


def test_frozen_modules_keep_weights_and_statistics():
    frozen, free = nn.BatchNorm2d(2), nn.BatchNorm2d(2)
    freeze([frozen])
    network = nn.Sequential(frozen, free)
    network(torch.randn(2, 2, 4, 4)).square().sum().backward()
    assert frozen.weight.grad is None
    assert free.weight.grad is not None
    assert frozen.num_batches_tracked == 0
    assert free.num_batches_tracked == 1


def test_fixed_statistics_leave_weights_trainable():
    network = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.Dropout(0.5))
    fix_statistics(network)
    network(torch.randn(2, 2, 4, 4)).square().sum().backward()
    assert network[1].num_batches_tracked == 0
    assert network[1].weight.grad is not None
    assert network[2].training


@pytest.mark.parametrize(
    'cfg',
    [
        dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, out_indices=(0, 3)),
        dict(type='MobileNetV2Pyramid'),
    ],
    ids=lambda cfg: cfg['type'],
)
def test_a_frozen_backbone_learns_nothing_but_its_norms_follow_the_data(cfg):
    net = MODELS.build(dict(cfg, frozen=True)).train()
    before = {name: value.clone() for name, value in net.named_buffers()}
    maps = net(torch.randn(2, 3, 64, 64))
    assert not any(p.requires_grad for p in net.parameters())
    assert not any(x.requires_grad for x in maps)
    assert not any(torch.equal(before[name], value) for name, value in net.named_buffers())
