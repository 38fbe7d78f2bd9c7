"""Forms for engines compute the same, and hold nothing that engines run badly."""

import copy

import onnx
import pytest
import torch
from torch import nn

from posenas.deploy import ExportForm, make_onnx
from posenas.deploy.engine_convs import EnlargingHead, HalvedExcitation, rewrite_conv
from posenas.deploy.engine_dite_hrnet import EngineBlock, EngineStem
from posenas.models.heads import ViPNASHead
from posenas.models.layers.attention import SqueezeExcitation
from posenas.models.layers.dite_hrnet.blocks import DiteStem, DMCBlock, DynamicOptions


def randomise(module):
    """Draw all numbers, statistics of norms too; double precision, evaluation mode."""
    module = module.double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 1, generator=generator)
    return module


def draw(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(
    ('channels', 'groups', 'wanted'),
    [(8, 4, 'DepthwiseSum'), (9, 3, 'DepthwiseSum'), (16, 4, 2), (12, 3, 3), (16, 2, 2), (6, 6, 6)],
)
def test_convolutions_of_narrow_groups_are_written_anew_and_equal(channels, groups, wanted):
    conv = randomise(nn.Conv2d(channels, channels, 5, stride=2, padding=2, groups=groups))
    made, x = rewrite_conv(conv), draw(2, channels, 8, 6)
    assert getattr(made, 'groups', type(made).__name__) == wanted
    torch.testing.assert_close(made(x), conv(x))


def test_attention_and_enlarging_head_equal_the_published_form():
    block, x = randomise(SqueezeExcitation(8, 4)), draw(2, 8, 6, 4)
    torch.testing.assert_close(HalvedExcitation(copy.deepcopy(block))(x), block(x))
    deconv = randomise(nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=8))
    final = randomise(nn.Conv2d(8, 3, 1))
    torch.testing.assert_close(EnlargingHead(deconv, final)(x), final(deconv(x).relu()))


@pytest.mark.parametrize('pool', ['reshape', 'window'])
def test_blocks_and_stem_of_dite_hrnet_equal_the_published_form(pool):
    options = DynamicOptions(dcm_pool=pool)
    block = randomise(DMCBlock((8, 16, 32, 64), options))
    maps = [draw(2, 8 * 2**i, 32 // 2**i, 16 // 2**i) for i in range(4)]
    for made, want in zip(EngineBlock(block)(maps), block(maps), strict=True):
        torch.testing.assert_close(made, want)
    stem, x = randomise(DiteStem(3)), draw(2, 3, 16, 12)
    torch.testing.assert_close(EngineStem(stem)(x), stem(x))


def test_a_head_is_exported_without_its_last_transposed_convolution():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = SqueezeExcitation(16, 4)
            self.head = ViPNASHead(16, 3, (16, 16), (4, 4), (8, 16))

        def forward(self, x):
            return self.head((self.attention(x),))

    network = Network().eval()
    graph = make_onnx(ExportForm(network), [(16, 4, 4)], ['heatmaps'], {}).graph
    kinds = [node.op_type for node in graph.node]
    assert kinds.count('ConvTranspose') == 1
    assert 'GlobalAveragePool' in kinds
    assert not {'ReduceMean', 'Gather', 'Range', 'BatchNormalization'} & set(kinds)
    assert isinstance(graph, onnx.GraphProto)
