import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models import ContextBlock, ViPNASResNet
from posenas.models.layers import Bottleneck
from posenas.registry import MODELS

#: A network of the same plan that runs in milliseconds.
SMALL = dict(
    depth=50,
    wid=[8, 16, 16, 16, 16],
    expan=[None, 1, 1, 2, 1],
    dep=[None, 2, 1, 1, 1],
    ks=[7, 3, 5, 5, 5],
    group=[None, 4, 4, 4, 4],
)


def _forward(**cfg):
    return ViPNASResNet(**SMALL | cfg).eval()(torch.randn(1, 3, 64, 32))


def _running(module):
    return [b.clone() for name, b in module.named_buffers() if 'running' in name]


def test_published_name_builds_the_same_class():
    assert MODELS.get('ViPNAS_ResNet') is MODELS.get('ViPNASResNet') is ViPNASResNet


def test_every_stage_can_be_returned_with_its_stride():
    feats = _forward(out_indices=(0, 1, 2, 3))
    shapes = [tuple(f.shape[1:]) for f in feats]
    assert shapes == [(16, 16, 8), (16, 8, 4), (32, 4, 2), (16, 2, 1)]


def test_fewer_stages_read_the_front_of_the_lists():
    net = ViPNASResNet(**SMALL, num_stages=2, out_indices=(1,))
    assert not hasattr(net, 'layer3')
    assert net.feat_dim == 16


def test_middle_convolution_has_the_listed_width_times_one():
    block = ViPNASResNet(**SMALL).layer3[0]
    assert (block.conv1.out_channels, block.conv3.out_channels) == (16, 32)


@pytest.mark.parametrize(('style', 'strides'), [('pytorch', (1, 2)), ('caffe', (2, 1))])
def test_style_places_the_stride(style, strides):
    block = ViPNASResNet(**SMALL, style=style).layer2[0]
    assert (block.conv1.stride[0], block.conv2.stride[0]) == strides


def test_dilation_keeps_the_map_and_the_residual_addition():
    feats = _forward(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), out_indices=(1, 3))
    assert [tuple(f.shape[2:]) for f in feats] == [(8, 4), (8, 4)]


def test_deep_stem_replaces_the_large_convolution():
    net = ViPNASResNet(**SMALL, deep_stem=True)
    names = net.state_dict()
    assert 'conv1.weight' not in names
    assert names['stem.0.conv.weight'].shape == (4, 3, 3, 3)
    assert names['stem.2.bn.weight'].shape == (8,)
    assert _forward(deep_stem=True)[0].shape == _forward()[0].shape


def test_avg_down_pools_before_the_projection():
    shortcut = ViPNASResNet(**SMALL, avg_down=True).layer2[0].downsample
    assert [type(m) for m in shortcut] == [nn.AvgPool2d, nn.Conv2d, nn.BatchNorm2d]
    assert shortcut[1].stride == (1, 1)
    net = ViPNASResNet(**SMALL, avg_down=True)
    assert net(torch.randn(2, 3, 72, 40))[0].shape[2:] == (3, 2)  # odd maps are rounded up


def test_attention_stands_where_asked_for():
    net = ViPNASResNet(**SMALL, att=[None, False, True, False, False])
    owners = [n.split('.')[0] for n, m in net.named_modules() if isinstance(m, ContextBlock)]
    assert owners == ['layer2']


def test_initialisation_is_the_released_one_also_inside_stem_and_attention():
    torch.manual_seed(0)
    net = ViPNASResNet(**SMALL, deep_stem=True)
    net.init_weights()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.abs().max() < 0.01
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, _BatchNorm):
            assert (module.weight == 1).all()
            assert not module.bias.any()


def test_zero_init_residual_makes_every_block_pass_its_input_on():
    net = ViPNASResNet(**SMALL, zero_init_residual=True, att=[None] * 5)
    net.init_weights()
    block = net.layer1[1].eval()
    assert isinstance(block, Bottleneck)
    x = torch.rand(1, 16, 4, 4)
    torch.testing.assert_close(block(x), x)
    assert (net.layer1[1].bn2.weight == 1).all()


@pytest.mark.parametrize('deep_stem', [False, True])
def test_frozen_stages_keep_weights_and_statistics(deep_stem):
    net = ViPNASResNet(**SMALL, frozen_stages=1, deep_stem=deep_stem).train()
    stem = net.stem if deep_stem else net.bn1
    before = _running(stem) + _running(net.layer1), _running(net.layer2)
    net(torch.randn(2, 3, 64, 32))[0].sum().backward()
    after = _running(stem) + _running(net.layer1), _running(net.layer2)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(before[1], after[1], strict=True))
    trained = {name.split('.')[0] for name, p in net.named_parameters() if p.grad is not None}
    assert trained == {'layer2', 'layer3', 'layer4'}


def test_norm_eval_keeps_all_statistics_but_trains_the_weights():
    net = ViPNASResNet(**SMALL, norm_eval=True).train()
    before = _running(net)
    net(torch.randn(2, 3, 64, 32))[0].sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, _running(net), strict=True))
    assert all(p.grad is not None for p in net.parameters())


def test_checkpointing_changes_nothing():
    states = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = ViPNASResNet(**SMALL, with_cp=with_cp).train()
        net(torch.randn(2, 3, 64, 32))[0].square().mean().backward()
        states.append([p.grad for p in net.parameters()] + _running(net))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_norm_cfg_reaches_every_norm():
    net = ViPNASResNet(**SMALL, norm_cfg=dict(type='GN', num_groups=4), deep_stem=True)
    assert not any(isinstance(m, _BatchNorm) for m in net.modules())
    assert isinstance(net.layer1[0].bn1, nn.GroupNorm)


@pytest.mark.parametrize(
    ('cfg', 'error', 'message'),
    [
        (dict(depth=101), KeyError, 'depth must be 50.*got 101'),
        (dict(num_stages=5), ValueError, r'num_stages must lie in 1\.\.4, got 5'),
        (dict(wid=[8, 16]), ValueError, 'wid must have at least 5 entries'),
        (dict(strides=(1, 2)), ValueError, 'strides must have at least 4 entries'),
        (dict(out_indices=(4,)), ValueError, r'out_indices must lie in 0\.\.3, got \(4,\)'),
        (dict(out_indices=()), ValueError, 'out_indices'),
        (dict(frozen_stages=5), ValueError, r'frozen_stages must lie in -1\.\.4, got 5'),
        (dict(style='tf'), ValueError, 'style must be one of'),
        (dict(ks=[7, 3, 4, 5, 5]), ValueError, r'ks must be odd, got \[4\]'),
        (dict(group=[None, 3, 4, 4, 4]), ValueError, 'multiple of expansion'),
    ],
)
def test_settings_that_cannot_be_built_are_named(cfg, error, message):
    with pytest.raises(error, match=message):
        ViPNASResNet(**SMALL | cfg)
