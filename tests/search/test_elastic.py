"""Layers that run with a part of their weights."""

import pytest
import torch
from torch import nn

from posenas.search.elastic import (
    ElasticBatchNorm2d,
    ElasticConv2d,
    ElasticConvTranspose2d,
    make_elastic,
    tied_rows,
)
from posenas.utils import ConfigError

SETTINGS = [(608, 608, 4), (608, 608, 16), (384, 384, 384), (512, 512, 8), (704, 704, 4)]


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(('rows', 'columns', 'groups'), SETTINGS)
def test_a_pair_of_channels_has_one_kernel_in_every_setting(rows, columns, groups):
    stored, length = 176, columns // groups
    places = tied_rows(rows, columns, groups, stored).reshape(rows, length)
    row = torch.arange(rows)[:, None]
    column = row * groups // rows * length + torch.arange(length)
    assert torch.equal(places, row * stored + column % stored)
    assert len(places.unique()) == places.numel()


@pytest.mark.parametrize('groups', [1, 2, 4, 12])
@pytest.mark.parametrize('kernel', [1, 3, 5])
def test_a_convolution_equals_one_with_the_weights_it_tells(kernel, groups):
    conv = nn.Conv2d(24, 24, 5, padding=2, groups=1 if groups == 1 else 2, stride=2).double()
    elastic = ElasticConv2d(conv)
    elastic.set_active(12, 12, kernel, groups)
    static = nn.Conv2d(12, 12, kernel, 2, kernel // 2, groups=groups).double()
    static.load_state_dict(elastic.effective_state())
    x = noise(2, 12, 9, 8)
    assert torch.equal(elastic(x), static(x))


@pytest.mark.parametrize('groups', [4, 8])
@pytest.mark.parametrize('kernel', [2, 4])
def test_a_transposed_convolution_equals_one_with_the_weights_it_tells(kernel, groups):
    conv = nn.ConvTranspose2d(24, 16, 4, 2, 1, groups=4, bias=False).double()
    elastic = ElasticConvTranspose2d(conv)
    elastic.set_active(16, 8, kernel, groups)
    padding = {4: 1, 2: 0}[kernel]
    static = nn.ConvTranspose2d(16, 8, kernel, 2, padding, groups=groups, bias=False).double()
    static.load_state_dict(elastic.effective_state())
    x = noise(2, 16, 5, 4)
    assert torch.equal(elastic(x), static(x))


@pytest.mark.parametrize('setting', [(12, 12, 3, 4), (24, 24, 3, 2), (8, 8, 5, 8), (24, 24, 5, 2)])
def test_gradients_of_cut_kernels_are_right_and_add_up(setting):
    conv = ElasticConv2d(nn.Conv2d(24, 24, 5, padding=2, groups=2, bias=False).double())
    conv.set_active(*setting)
    x = noise(1, setting[0], 4, 4)

    def run():
        conv(x).square().sum().backward()
        return conv.weight.grad.clone()

    once = run()
    assert torch.equal(run(), 2 * once)
    step = 1e-6 * noise(*conv.weight.shape)
    with torch.no_grad():
        conv.weight += step
        above = conv(x).square().sum()
        conv.weight -= 2 * step
        below = conv(x).square().sum()
    torch.testing.assert_close(above - below, 2 * (once * step).sum(), rtol=1e-6, atol=0)


def test_only_the_statistics_of_active_channels_move():
    norm = ElasticBatchNorm2d(nn.BatchNorm2d(8))
    norm.set_active(3)
    norm(torch.randn(4, 3, 5, 5) + 1)
    assert (norm.running_mean[:3] != 0).all()
    assert (norm.running_mean[3:] == 0).all()


def test_momentum_none_makes_a_plain_average():
    norm = ElasticBatchNorm2d(nn.BatchNorm2d(4, momentum=None))
    norm.set_active(2)
    batches = [torch.randn(2, 2, 3, 3) for _ in range(3)]
    for batch in batches:
        norm(batch)
    wanted = torch.stack([batch.mean((0, 2, 3)) for batch in batches]).mean(0)
    torch.testing.assert_close(norm.running_mean[:2], wanted)


def test_the_largest_setting_computes_with_the_stored_weight_itself():
    conv = ElasticConv2d(nn.Conv2d(8, 8, 3))
    assert conv.effective_weight() is conv.weight


def test_layers_without_an_elastic_form_are_refused():
    with pytest.raises(ConfigError, match='Linear has no elastic form'):
        make_elastic(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(ConfigError, match='4 or 2'):
        make_elastic(nn.Sequential(nn.ConvTranspose2d(2, 2, 3, 2)))
