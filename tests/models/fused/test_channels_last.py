"""Layers of Dite-HRNet's fused form: norms and biases folded into convolutions."""

import pytest
import torch
from torch import nn

from posenas.models.fused.channels_last import (
    convolve_depthwise,
    fold_pointwise,
    scale_depthwise,
)


def make_norm(channels):
    norm = nn.BatchNorm2d(channels).double()
    for value in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(value)
    nn.init.uniform_(norm.running_var, 0.1, 3)
    return norm.eval()


def channels_last(x):
    return x.permute(0, 2, 3, 1)


@pytest.mark.parametrize('bias', [True, False])
@torch.no_grad()
def test_a_depthwise_convolution_takes_in_its_norm_and_keeps_its_bias(bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=bias).double()
    norm, x = make_norm(6), torch.randn(2, 6, 7, 5, dtype=torch.float64)
    folded = convolve_depthwise(channels_last(x), *scale_depthwise(conv, norm))
    torch.testing.assert_close(folded, channels_last(norm(conv(x))), rtol=0, atol=1e-13)


@pytest.mark.parametrize('bias', [True, False])
@torch.no_grad()
def test_a_pointwise_convolution_takes_in_its_norm_its_bias_and_a_shift_before_it(bias):
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(6, 4, 1, bias=bias).double(), make_norm(4)
    x = torch.randn(2, 6, 7, 5, dtype=torch.float64)
    shift = torch.randn(6, dtype=torch.float64)
    for before in (None, shift):
        weight, constant = fold_pointwise(conv, norm, before)
        moved = x if before is None else x + before.view(-1, 1, 1)
        folded = channels_last(x) @ weight.T + constant
        torch.testing.assert_close(folded, channels_last(norm(conv(moved))), rtol=0, atol=1e-12)
