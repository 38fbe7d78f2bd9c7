import pytest
import torch
from torch import Size

from posenas.models.layers import DenseContext, GlobalContext
from posenas.models.layers.dite_hrnet.adaptive_context import MemoryOrderPool, WindowPool


def _maps(channels=3, height=8, width=6):
    torch.manual_seed(0)
    return torch.randn(2, channels, height, width), torch.randn(2, 1, height, width)


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_pooling_in_memory_order_follows_its_formula(memory_format):
    x, logits = _maps()
    size, run = Size((4, 3)), 4
    weights = logits.flatten(1).softmax(1)
    expected = torch.zeros(2, 3, 12)
    for n in range(2):
        numbers = x[n].flatten()
        for c in range(3):
            for p in range(12):
                first = (p * 3 + c) * run
                expected[n, c, p] = numbers[first : first + run] @ weights[n, p * run :][:run]
    pooled = MemoryOrderPool()(x.contiguous(memory_format=memory_format), logits, size)
    torch.testing.assert_close(pooled, expected.unflatten(2, size))


def test_pooling_by_windows_averages_neighbours_by_their_logits():
    x, logits = _maps()
    expected = torch.zeros(2, 3, 4, 3)
    for i in range(4):
        for j in range(3):
            window = (..., slice(2 * i, 2 * i + 2), slice(2 * j, 2 * j + 2))
            weights = logits[window].flatten(2).softmax(-1)
            expected[..., i, j] = (x[window].flatten(2) * weights).sum(-1)
    torch.testing.assert_close(WindowPool()(x, logits, Size((4, 3))), expected)


@pytest.mark.parametrize('pool', ['reshape', 'window'])
def test_every_branch_is_weighed_by_its_part_of_the_joint_attention(pool):
    torch.manual_seed(0)
    block = DenseContext((4, 6), pool=pool).eval()
    large, small = torch.randn(2, 4, 8, 6), torch.randn(2, 6, 4, 3)
    pooled = block.pool(large, block.conv_mask[0](large), small.shape[2:])
    factors = block.channel_attention(torch.cat([pooled, small], 1))
    ours = block([large, small])
    enlarged = factors[:, :4].repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(ours[0], large * enlarged)
    torch.testing.assert_close(ours[1], small * factors[:, 4:])


def test_a_single_branch_is_weighed_by_itself():
    block = DenseContext((16,)).eval()
    x = torch.randn(2, 16, 4, 3)
    (ours,) = block([x])
    torch.testing.assert_close(ours, x * block.channel_attention(x))


def test_the_mask_of_the_last_branch_is_named_but_not_trained():
    block = DenseContext((4, 6, 8))
    frozen = [name for name, p in block.named_parameters() if not p.requires_grad]
    assert frozen == ['conv_mask.2.weight', 'conv_mask.2.bias']


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match=r"dcm_pool must be one of .*'reshape'.*got 'mean'"):
        DenseContext((4, 6), pool='mean')


def test_global_context_weighs_channels_by_a_mean_over_all_positions():
    torch.manual_seed(0)
    block = GlobalContext(8).eval()
    x = torch.randn(2, 8, 5, 3)
    weights = block.conv_mask(x).flatten(2).softmax(-1)
    context = (x.flatten(2) * weights).sum(-1)[..., None, None]
    torch.testing.assert_close(block(x), block.bn(x * block.channel_attention(context)))
