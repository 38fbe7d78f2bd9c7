import pytest
import torch
from torch import nn

from posenas.models.layers.deconv import build_conv_layers, build_deconv_layers, build_final_layer


@pytest.mark.parametrize('kernel', [4, 3, 2])
def test_every_legal_kernel_doubles_the_map(kernel):
    layers = build_deconv_layers(8, (4,), (kernel,))
    assert layers(torch.zeros(2, 8, 5, 3)).shape == (2, 4, 10, 6)


def test_groups_and_flat_indices_are_as_published():
    layers = build_deconv_layers(32, (16, 16), (4, 4), (16, 4))
    assert [type(layer) for layer in layers[:3]] == [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    assert layers[0].weight.shape == (32, 1, 4, 4)
    assert layers[3].weight.shape == (16, 4, 4, 4)
    assert layers[0].bias is None


def test_extra_convolutions_keep_the_size():
    layers = build_conv_layers(4, (6, 8), (1, 3))
    assert layers(torch.zeros(2, 4, 5, 3)).shape == (2, 8, 5, 3)
    assert layers[0].bias is not None


@pytest.mark.parametrize('empty', [None, ()])
def test_no_channels_make_the_identity(empty):
    x = torch.zeros(1, 4, 2, 2)
    assert build_deconv_layers(4, empty, empty)(x) is x
    assert build_conv_layers(4, empty, empty)(x) is x


@pytest.mark.parametrize(
    ('cfg', 'kernel'), [(dict(kernel_size=1), 1), (dict(kernel_size=3, padding=1), 3), ({}, 1)]
)
def test_final_layer_takes_its_arguments(cfg, kernel):
    layer = build_final_layer(4, 17, cfg)
    assert layer.weight.shape == (17, 4, kernel, kernel)
    assert layer(torch.zeros(1, 4, 5, 3)).shape == (1, 17, 5, 3)


def test_final_layer_can_be_left_out_where_channels_fit():
    assert isinstance(build_final_layer(17, 17, None), nn.Identity)
    with pytest.raises(ValueError, match='out_channels=17, got 4'):
        build_final_layer(4, 17, None)


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ((8, (4, 4), (4,)), r'deconv_kernel_sizes must have one entry per entry'),
        ((8, (4,), (5,)), r'must be 4, 3 or 2, got 5'),
        ((8, (4,), (4,), (3,)), r'got 3 groups for 8 to 4 channels'),
        ((8, (4,), (4,), (1, 1)), r'deconv_num_groups must have one entry'),
        ((8, (4,), None), r'got None for \(4,\)'),
    ],
)
def test_settings_that_cannot_be_built_are_named(args, message):
    with pytest.raises(ValueError, match=message):
        build_deconv_layers(*args)
