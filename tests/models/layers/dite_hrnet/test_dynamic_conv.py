from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from posenas.models.layers import DynamicSplitConv, KernelAggregation, interleave_channels
from posenas.models.layers.dite_hrnet.dynamic_conv import ConvUnit, KernelAttention
from posenas.utils import ConfigError


@pytest.mark.parametrize('num_parts', [1, 2, 4])
def test_interleaving_equals_concatenation_and_shuffle(num_parts):
    parts = torch.randn(num_parts, 2, 3, 4, 5)
    shuffled = F.channel_shuffle(torch.cat(tuple(parts), 1), num_parts)
    assert torch.equal(interleave_channels(parts), shuffled)


@pytest.mark.parametrize(
    ('shape', 'kernel_size', 'stride', 'groups'),
    [((6, 6), 3, 1, 6), ((6, 6), 5, 2, 6), ((6, 4), 1, 1, 1), ((6, 4), 3, 2, 2)],
)
@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_every_image_is_convolved_with_its_own_mixture(
    shape, kernel_size, stride, groups, memory_format
):
    torch.manual_seed(0)
    layer = KernelAggregation(*shape, kernel_size, 3, stride, groups).double()
    x, mixture = torch.randn(2, 6, 8, 5).double(), torch.rand(2, 3).double()
    expected = [
        F.conv2d(image[None], kernel, None, stride, kernel_size // 2, 1, groups)
        for image, weights in zip(x, mixture, strict=True)
        for kernel in [sum(w * k for w, k in zip(weights, layer.weight, strict=True))]
    ]
    ours = layer(x.contiguous(memory_format=memory_format), mixture)
    torch.testing.assert_close(ours, torch.cat(expected))


def test_kernels_start_uniform_within_the_kaiming_bound():
    weight = KernelAggregation(64, 64, 3, 4, groups=2).weight.detach()
    bound = (6 / (32 * 9)) ** 0.5
    assert bound * 0.999 < weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.01)


def test_weights_of_kernels_are_the_published_perceptron():
    torch.manual_seed(0)
    layer = KernelAttention(8, 4, 4, dict(type='BN')).eval()
    x = torch.randn(2, 8, 5, 3)
    hidden = torch.relu(layer.bn(layer.conv1(x.mean((2, 3), keepdim=True))))
    torch.testing.assert_close(layer(x), torch.sigmoid(layer.conv2(hidden))[..., 0, 0])


@pytest.mark.parametrize(('channels', 'width'), [(20, 5), (4, 1), (2, 1), (3, 6)])
def test_attention_squeezes_by_four_except_images(channels, width):
    assert KernelAttention(channels, 6, 4, dict(type='BN')).conv1.out_channels == width


def test_one_image_in_training_is_refused_with_advice():
    layer = ConvUnit(8, 8, 3, num_kernels=2)
    with pytest.raises(ConfigError, match=r'at least 2 images .* raise batch_size'):
        layer(torch.randn(1, 8, 4, 4))
    layer.conv.attention.bn.eval()
    layer.bn.eval()
    assert layer(torch.randn(1, 8, 4, 4)).shape == (1, 8, 4, 4)


@pytest.mark.parametrize(
    'convert',
    [
        lambda m: m.to(memory_format=torch.channels_last),
        lambda m: m.double(),
        lambda m: m.to('meta').to_empty(device='cpu'),
        lambda m: m.share_memory(),
    ],
)
def test_conversions_keep_the_bank_a_bank_of_five_axes(convert):
    layer = nn.Sequential(ConvUnit(8, 4, 3, num_kernels=2))
    layer(torch.randn(2, 8, 4, 4)).sum().backward()
    converted = convert(deepcopy(layer))[0].conv.aggregation.weight
    assert converted.shape == (2, 4, 8, 3, 3)
    assert converted.is_contiguous()
    assert isinstance(converted, nn.Parameter)


def test_kernels_are_mixed_in_full_precision_under_autocast():
    layer = KernelAggregation(8, 8, 3, 4, groups=8)
    mixture = torch.rand(2, 4)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = layer.mix(mixture)
    torch.testing.assert_close(mixed.flatten(1), mixture @ layer.weight.flatten(1))


def test_parts_go_through_their_own_kernels():
    torch.manual_seed(0)
    layer = DynamicSplitConv(8, kernel_sizes=(3, 5), num_kernels=2).eval()
    x = torch.randn(2, 8, 6, 4)
    parts = torch.stack([layer.conv[0](x[:, :4]), layer.conv[1](x[:, 4:])], 2)
    assert torch.equal(layer(x), parts.flatten(1, 2))
    sides = [unit.conv.aggregation.weight.shape[-1] for unit in layer.conv]
    assert sides == [3, 5]


def test_channels_that_give_no_equal_parts_are_refused():
    with pytest.raises(ConfigError, match='multiple of num_groups = 4, got 6'):
        DynamicSplitConv(6, kernel_sizes=(3, 5, 7, 9))
