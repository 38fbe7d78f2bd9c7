import pytest
import torch
from torch import nn

from posenas.models.fused.rules import find_rule
from posenas.models.layers import BasicBlock, Bottleneck, make_residual_layer, make_shortcut
from posenas.utils import ConfigError

every_block = pytest.mark.parametrize('block', [BasicBlock, Bottleneck])


@every_block
def test_blocks_have_the_published_names_in_order(block):
    module = block(8, 16, expansion=2, stride=2, downsample=make_shortcut(8, 16, 2))
    leaves = dict.fromkeys(name.rpartition('.')[0] for name in module.state_dict())
    number = 2 if block is BasicBlock else 3
    inner = [f'{kind}{i}' for i in range(1, number + 1) for kind in ('conv', 'bn')]
    assert list(leaves) == [*inner, 'downsample.0', 'downsample.1']
    assert find_rule(module).pairs == tuple(zip(inner[::2], inner[1::2], strict=True))


@pytest.mark.parametrize(
    ('block', 'expansion', 'widths'),
    [(BasicBlock, 1, (16, 16)), (BasicBlock, 2, (8, 16)), (Bottleneck, 4, (4, 4, 16))],
)
def test_expansion_divides_the_inner_width(block, expansion, widths):
    module = block(16, 16, expansion=expansion)
    convs = [layer for layer in module.children() if isinstance(layer, nn.Conv2d)]
    assert tuple(conv.out_channels for conv in convs) == widths
    assert all(conv.bias is None for conv in convs)


@pytest.mark.parametrize(
    ('block', 'style', 'strides'),
    [
        (BasicBlock, 'pytorch', (2, 1)),
        (BasicBlock, 'caffe', (2, 1)),
        (Bottleneck, 'pytorch', (1, 2, 1)),
        (Bottleneck, 'caffe', (2, 1, 1)),
    ],
)
def test_style_places_the_stride(block, style, strides):
    module = block(8, 8, expansion=1, stride=2, style=style)
    convs = [layer for layer in module.children() if isinstance(layer, nn.Conv2d)]
    assert tuple(conv.stride[0] for conv in convs) == strides


@every_block
def test_dilation_keeps_the_map(block):
    module = block(8, 8, expansion=1, dilation=3)
    assert module(torch.randn(1, 8, 9, 7)).shape == (1, 8, 9, 7)


@every_block
def test_zeroed_blocks_start_as_the_identity(block):
    module = block(8, 8, expansion=1, zero_init_residual=True)
    module.init_weights()
    x = torch.rand(2, 8, 4, 4)
    assert torch.equal(module(x), x)


@every_block
def test_checkpointing_changes_nothing(block):
    results = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        module = block(8, 8, expansion=2, with_cp=with_cp)
        x = torch.randn(2, 8, 4, 4, requires_grad=True)
        module(x).square().sum().backward()
        results.append([x.grad, *(p.grad for p in module.parameters()), *module.buffers()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_a_layer_projects_and_strides_once():
    layer = make_residual_layer(Bottleneck, 8, 16, 3, stride=2, expansion=4)
    assert [block.downsample is None for block in layer] == [False, True, True]
    assert layer(torch.randn(1, 8, 8, 8)).shape == (1, 16, 4, 4)


def test_a_shortcut_exists_where_sizes_differ():
    assert make_shortcut(8, 8) is None
    assert [type(m) for m in make_shortcut(8, 8, 2)] == [nn.Conv2d, nn.BatchNorm2d]
    averaging = make_shortcut(8, 16, 2, avg_down=True)
    assert [type(m) for m in averaging] == [nn.AvgPool2d, nn.Conv2d, nn.BatchNorm2d]


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (
            lambda: BasicBlock(8, 9, expansion=2),
            r'multiple of expansion \* groups, got 9 with expansion 2',
        ),
        (lambda: Bottleneck(8, 8, style='tf'), 'style must be one of'),
        (lambda: make_residual_layer(BasicBlock, 8, 8, 0), 'at least one block, got 0'),
    ],
)
def test_settings_that_cannot_be_built_are_named(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert 'style' in message or isinstance(error.value, ConfigError)
