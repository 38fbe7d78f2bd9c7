"""Layers with chosen channels against plain layers of those channels."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from registry_cases import noise
from torch import nn

from posenas.search.pruned.elastic_layers import CHOSEN_FORMS, ChosenBatchNorm2d

#: Channels that lie apart, as behind a concatenation.
INPUTS, OUTPUTS = np.array([0, 2, 3]), np.array([0, 1, 4])


@pytest.mark.parametrize(
    ('layer', 'plain'),
    [
        (nn.Conv2d(4, 6, 5, padding=2), nn.Conv2d(3, 3, 3, padding=1)),
        (nn.ConvTranspose2d(4, 6, 5, 2, 2), nn.ConvTranspose2d(3, 3, 5, 2, 2)),
    ],
)
def test_a_convolution_of_chosen_channels_learns_as_a_plain_one(layer, plain):
    layer = CHOSEN_FORMS[type(layer)](deepcopy(layer))
    kernel = plain.kernel_size[0]
    layer.choose_channels(INPUTS, OUTPUTS, kernel)
    plain.load_state_dict(layer.effective_state())
    x = noise(2, 3, 8, 8)
    for module in (layer, plain):
        module(x).square().sum().backward()
    assert torch.equal(layer(x), plain(x))
    rows, columns = (INPUTS, OUTPUTS) if layer.transposed else (OUTPUTS, INPUTS)
    border = (5 - kernel) // 2
    centre = slice(border, 5 - border)
    whole = torch.zeros_like(layer.weight)
    whole[np.ix_(rows, columns, range(5)[centre], range(5)[centre])] = plain.weight.grad
    torch.testing.assert_close(layer.weight.grad, whole)
    torch.testing.assert_close(layer.bias.grad[OUTPUTS], plain.bias.grad)
    assert layer.bias.grad.count_nonzero() == len(OUTPUTS)


def test_a_norm_of_chosen_channels_moves_their_statistics_alone():
    norm, plain = ChosenBatchNorm2d(nn.BatchNorm2d(6)), nn.BatchNorm2d(3)
    norm.choose_channels(OUTPUTS)
    x = noise(2, 3, 8, 8)
    assert torch.equal(norm(x), plain(x))
    for name, value in plain.state_dict().items():
        assert torch.equal(norm.effective_state()[name], value)
    assert norm.running_mean[[2, 3, 5]].tolist() == [0, 0, 0]
