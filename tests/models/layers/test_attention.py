import pytest
import torch

from posenas.models import ContextBlock


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
