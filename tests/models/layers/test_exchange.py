from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from posenas.models.layers import DiteModule, DynamicOptions, IterativeHead
from posenas.models.layers.exchange import count_statistics_twice

CHANNELS = (8, 16, 24)


def _branches(seed=0):
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(3, c, 16 >> i, 12 >> i, generator=random) for i, c in enumerate(CHANNELS)]


def _make_module(**cfg):
    torch.manual_seed(0)
    options = DynamicOptions(num_groups=(1, 1, 2))
    return DiteModule(CHANNELS, 1, options, **cfg)


def _exchange_as_released(module, branches):
    """Add in place and evaluate the paths from branch 0 twice, as the release does."""
    outputs, paths = list(module.layers(branches)), module.fuse_layers
    exchanged = []
    for i in range(len(outputs)):
        y = outputs[0] + outputs[0] if i == 0 else paths[i][0](outputs[0])
        if i > 0:
            y = y + paths[i][0](outputs[0])
        for j in range(1, len(outputs)):
            y = y + (outputs[j] if i == j else paths[i][j](outputs[j]))
        exchanged.append(torch.relu(y))
        if i == 0:
            outputs[0] = exchanged[0]
    return exchanged


@pytest.mark.parametrize('training', [False, True])
def test_doubled_paths_give_the_same_floats_as_two_evaluations(training):
    module = _make_module().train(training)
    twice = deepcopy(module)
    with torch.no_grad():
        ours, released = module(_branches()), _exchange_as_released(twice, _branches())
    for a, b in zip(ours, released, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize('momentum', [0.1, 0.3, None])
def test_statistics_after_three_steps_are_those_of_two_evaluations(momentum):
    module = _make_module(norm_cfg=dict(type='BN', momentum=momentum)).double()
    twice = deepcopy(module)
    for step in range(3):
        branches = [x.double() for x in _branches(step)]
        losses = [
            sum(x.square().sum() for x in outputs)
            for outputs in (module(branches), _exchange_as_released(twice, branches))
        ]
        for loss in losses:
            loss.backward()
    for (name, a), b in zip(module.named_buffers(), twice.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12, msg=name)
    for (name, a), b in zip(module.named_parameters(), twice.parameters(), strict=True):
        if a.requires_grad:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-9, atol=1e-9, msg=name)


def test_momentum_is_restored_and_fixed_norms_are_left_alone():
    norms = nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(2).eval())
    with count_statistics_twice(norms):
        assert [norm.momentum for norm in norms] == pytest.approx([0.19, 0.1])
    assert [norm.momentum for norm in norms] == [0.1, 0.1]
    assert norms[1].num_batches_tracked == 0


def test_the_clean_sum_takes_every_branch_once_and_unchanged():
    module = _make_module(fuse_mode='clean').eval()
    blocks, paths = module.layers(_branches()), module.fuse_layers
    for i, ours in enumerate(module(_branches())):
        terms = [x if i == j else paths[i][j](x) for j, x in enumerate(blocks)]
        torch.testing.assert_close(ours, torch.relu(sum(terms)))


def test_a_module_may_do_without_the_exchange():
    module = _make_module(with_fuse=False).eval()
    assert not any('fuse' in name for name in module.state_dict())
    for ours, expected in zip(module(_branches()), module.layers(_branches()), strict=True):
        assert torch.equal(ours, expected)


def test_an_unknown_sum_is_refused():
    with pytest.raises(ValueError, match='fuse_mode must be one of'):
        _make_module(fuse_mode='mean')


def test_the_head_joins_branches_from_the_smallest_map_upwards():
    torch.manual_seed(0)
    head = IterativeHead(CHANNELS).eval()
    large, middle, small = _branches()
    y = head.projects[0](small)
    for x, project in ((middle, head.projects[1]), (large, head.projects[2])):
        y = project(x + F.interpolate(y, x.shape[2:], mode='bilinear', align_corners=True))
    assert torch.equal(head((large, middle, small)), y)
    assert y.shape == large.shape
