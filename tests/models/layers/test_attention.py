import pytest
import torch

from posenas.models import ContextBlock, SqueezeExcitation


@pytest.mark.parametrize(
    ('channels', 'planes'), [(80, 16), (304, 19), (608, 38), (49, 15), (98, 15), (16, 16)]
)
def test_squeeze_width_rounds_as_published(channels, planes):
    assert ContextBlock(channels).channel_add_conv[0].out_channels == planes


def test_context_is_the_softmax_weighted_mean_of_the_input():
    torch.manual_seed(0)
    block = ContextBlock(32, ratio=0.25).double()
    x = torch.randn(2, 32, 5, 3, dtype=torch.float64)
    logits = torch.einsum('c,bchw->bhw', block.conv_mask.weight[0, :, 0, 0], x)
    weights = (logits + block.conv_mask.bias).flatten(1).softmax(1).unflatten(1, (5, 3))
    context = torch.einsum('bchw,bhw->bc', x, weights)[..., None, None]
    torch.testing.assert_close(block(x), x + block.channel_add_conv(context))


def test_constant_logits_give_the_plain_mean():
    block = ContextBlock(16, ratio=1)
    torch.nn.init.zeros_(block.conv_mask.weight)
    x = torch.randn(1, 16, 4, 4)
    expected = x + block.channel_add_conv(x.mean((2, 3), keepdim=True))
    torch.testing.assert_close(block(x), expected)


def test_ratio_that_leaves_no_channel_is_refused():
    with pytest.raises(ValueError, match=r'at least 1, got 8 \* 0\.1'):
        ContextBlock(8, ratio=0.1)


@pytest.mark.parametrize(
    ('bias', 'scale'), [(0.0, 0.5), (1.0, 1.0), (-1.0, 0.0), (0.5, 0.75), (3.0, 1.0), (-3.0, 0.0)]
)
def test_channels_are_scaled_by_the_hard_sigmoid_of_old_mmcv(bias, scale):
    block = SqueezeExcitation(8, 2)
    torch.nn.init.zeros_(block.conv2.conv.weight)
    torch.nn.init.constant_(block.conv2.conv.bias, bias)
    x = torch.randn(2, 8, 3, 5)
    torch.testing.assert_close(block(x), x * scale)


def test_scales_come_from_the_means_of_all_channels():
    torch.manual_seed(0)
    block = SqueezeExcitation(8, 2)
    x = torch.randn(2, 8, 3, 5)
    first, second = (conv.conv for conv in (block.conv1, block.conv2))
    hidden = (x.mean(dim=(2, 3)) @ first.weight[:, :, 0, 0].T + first.bias).relu()
    scale = hidden @ second.weight[:, :, 0, 0].T + second.bias
    expected = x * ((scale + 1) / 2).clamp(0, 1)[:, :, None, None]
    torch.testing.assert_close(block(x), expected)


def test_too_few_channels_to_squeeze_are_refused():
    with pytest.raises(ValueError, match='at least 1, got 0 for 3 channels'):
        SqueezeExcitation(3, 0)
