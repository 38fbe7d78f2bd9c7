"""Fused form of PoseNAS: the same numbers from fewer operations."""

from copy import deepcopy

import pytest
import torch
from registry_cases import TINY_POSENAS, TINY_REFINE, noise
from torch import nn

from posenas.genotype import Cell
from posenas.models import PoseNAS, PoseNASHead
from posenas.models.fused import fuse, unfuse
from posenas.models.fused.posenas import sum_convolutions
from posenas.models.layers.posenas.cells import make_encoder_cell, make_fusion_cell
from posenas.utils.profiling import profile_model

#: Every operation, some of them twice at a node, and nodes of one kind.
ALL_OPERATIONS = {
    'normal': 'avg_pool_3x3 0 skip_connect 1 max_pool_3x3 1 std_conv_1x1 2 dil_conv_3x3_4 0 '
    'se_connect 3 spatial_wise 1 dil_conv_3x3_2 4 std_conv_3x3 1 std_conv_3x3 5 se_connect 0 '
    'se_connect 1',
    'reduce': 'max_pool_3x3 0 skip_connect 1 std_conv_3x3 1 std_conv_3x3 0 dil_conv_3x3_4 1 '
    'se_connect 2 std_conv_3x3 1 std_conv_3x3 3',
    'fusion': 'skip_connect 0 max_pool_3x3 1 spatial_wise 2 se_connect 0 std_conv_1x1 0 '
    'std_conv_1x1 1 dil_conv_3x3_2 3 dil_conv_3x3_4 3',
}


def make_cell(kind, after_reduction=False, norm_cfg=None):
    words = ALL_OPERATIONS[kind].split()
    graph = Cell.from_tuples(kind, list(zip(words[::2], map(int, words[1::2]), strict=True)))
    if kind == 'fusion':
        return make_fusion_cell(graph, 12, 16, norm_cfg=norm_cfg)
    return make_encoder_cell(graph, (12, 16), 4, after_reduction, norm_cfg=norm_cfg)


def randomise(module):
    """Draw weights and statistics that no folding can confuse."""
    torch.manual_seed(0)
    for name, value in module.state_dict(keep_vars=True).items():
        if value.is_floating_point():
            with torch.no_grad():
                value.uniform_(0.5, 1.5) if 'var' in name else value.normal_(std=0.5)
    return module.double().eval()


def wrap(module):
    return nn.ModuleDict(dict(part=module)).eval()


@pytest.mark.parametrize('norm', ['BN', 'GN'])
@pytest.mark.parametrize(
    ('kind', 'after_reduction'),
    [('normal', False), ('normal', True), ('reduce', False), ('fusion', False)],
)
@torch.no_grad()
def test_a_cell_computes_the_same(kind, after_reduction, norm):
    norm_cfg = dict(type='GN', num_groups=2) if norm == 'GN' else None
    cell = randomise(make_cell(kind, after_reduction, norm_cfg))
    first = (4, 4) if kind == 'fusion' else (16, 16) if after_reduction else (8, 8)
    inputs = noise(2, 12, *first).double(), noise(2, 16, 8, 8, seed=1).double()
    wanted, weights = cell(*inputs), deepcopy(cell.state_dict())
    model = wrap(cell)
    fuse(model)
    assert model['part'] is not cell
    torch.testing.assert_close(model['part'](*inputs), wanted, rtol=1e-11, atol=1e-11)
    folded = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(folded) == (ALL_OPERATIONS[kind].count('pool') if norm == 'BN' else 0)
    unfuse(model)
    assert model['part'] is cell
    torch.testing.assert_close(cell.state_dict(), weights, rtol=0, atol=0)
    assert all(v.is_contiguous() for v in cell.state_dict().values())


@pytest.mark.parametrize('num_stages', [1, 2])
@pytest.mark.parametrize('fusion', ['released', 'intended'])
@torch.no_grad()
def test_a_network_computes_the_same(num_stages, fusion):
    settings = dict(TINY_POSENAS, refine=TINY_REFINE, fusion=fusion, num_stages=num_stages)
    network = randomise(PoseNAS(**settings))
    x = noise(2, 3, 64, 96).double()
    wanted = network(x)
    fuse(network)
    for ours, theirs in zip(network(x), wanted, strict=True):
        scale = theirs.abs().max()
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=1e-10)
    unfuse(network)
    assert all(map(torch.equal, network(x), wanted))


@torch.no_grad()
def test_a_network_of_the_published_start_computes_the_same_in_float32():
    torch.manual_seed(0)
    network = PoseNAS(**TINY_POSENAS, refine=TINY_REFINE)
    network.init_weights()
    network.train()(noise(4, 3, 64, 64))
    x = noise(2, 3, 64, 64, seed=1)
    wanted = network.eval()(x)
    fuse(network)
    for ours, theirs in zip(network(x), wanted, strict=True):
        assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


def test_the_published_network_saves_what_projecting_first_saves():
    with torch.device('meta'):
        model = nn.Sequential(PoseNAS(), PoseNASHead(96, 17)).eval()
    before = profile_model(model, torch.empty(1, 3, 256, 192, device='meta'))
    fuse(model)
    after = profile_model(model, torch.empty(1, 3, 256, 192, device='meta'))
    assert (before.macs, after.macs) == (4_329_432_576, 4_265_731_584)
    convolutions = [sum('Conv2d' in m.type_name for m in c.modules) for c in (before, after)]
    assert convolutions == [398, 292]
    pools = sum('Pool2d' in module.type_name for module in after.modules)
    assert sum('BatchNorm' in module.type_name for module in after.modules) == pools == 2


@torch.no_grad()
def test_summed_convolutions_are_the_sum():
    convs = [nn.Conv2d(c, 5, 3, padding=2, dilation=2).double() for c in (2, 3, 4)]
    inputs = [noise(2, conv.in_channels, 6, 6, seed=i).double() for i, conv in enumerate(convs)]
    wanted = sum(conv(x) for conv, x in zip(convs, inputs, strict=True))
    summed = sum_convolutions(convs)
    torch.testing.assert_close(summed(torch.cat(inputs, dim=1)), wanted)
    assert not any(parameter.requires_grad for parameter in summed.parameters())
