from copy import deepcopy

import pytest
import torch
from registry_cases import TINY_HRNET
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.backbones import HRNet, HRNetPyramid
from posenas.models.fused import fuse, unfuse
from posenas.registry import MODELS
from posenas.utils import ConfigError

every_network = pytest.mark.parametrize('network', [HRNet, HRNetPyramid])


def extra(**changes):
    """Return the tiny setting with changed stages: ``stage3=dict(num_modules=2)``."""
    setting = deepcopy(TINY_HRNET)
    for name, change in changes.items():
        setting[name] = {**setting.get(name, {}), **change}
    return setting


def shapes(network, height=64, width=32):
    with torch.no_grad():
        maps = network.eval()(torch.randn(1, 3, height, width))
    return [tuple(x.shape[1:]) for x in maps]


def statistics(module):
    return [b.clone() for name, b in module.named_buffers() if 'running' in name]


def test_the_published_name_builds_the_same_class():
    assert MODELS.get('PoseHRNet') is MODELS.get('HRNet') is HRNet


def test_the_finest_map_is_returned_or_all():
    pyramid = [(8, 16, 8), (16, 8, 4), (32, 4, 2), (64, 2, 1)]
    assert shapes(HRNet(TINY_HRNET)) == pyramid[:1]
    assert shapes(HRNet(TINY_HRNET, multiscale_output=True)) == pyramid
    assert shapes(HRNet(extra(stage4=dict(multiscale_output=True)))) == pyramid
    assert shapes(HRNetPyramid(TINY_HRNET)) == pyramid


def test_the_pyramid_is_the_front_of_the_whole_network():
    whole, front = HRNet(TINY_HRNET).eval(), HRNetPyramid(TINY_HRNET).eval()
    missing = front.load_state_dict(whole.state_dict(), strict=False)
    assert not missing.missing_keys
    assert {name.split('.')[0] for name in missing.unexpected_keys} == {'stage4'}
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(whole.stage4(list(front(x)))[0], whole(x)[0])


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        (dict(stage4=dict(num_modules=3, multiscale_output=True)), (8, 16, 32, 64)),
        (dict(stage3=dict(num_channels=(8, 24, 40))), (8, 16, 32, 64)),
        (dict(stage2=dict(block='BOTTLENECK', num_channels=(4, 8))), (8, 16, 32, 64)),
        (dict(stage4=dict(block='BOTTLENECK', num_channels=(2, 4, 8, 16))), (8, 16, 32, 64)),
        (
            dict(
                stage2=dict(num_branches=1, num_blocks=(2,), num_channels=(12,)),
                stage3=dict(num_branches=1, num_blocks=(1,), num_channels=(12,)),
            ),
            (8, 16, 32, 64),
        ),
        (dict(stage1=dict(block='BASIC', num_blocks=(2,), num_channels=(64,))), (8, 16, 32, 64)),
        (dict(stage2=dict(num_blocks=(1, 3))), (8, 16, 32, 64)),
        (
            dict(
                stage4=dict(num_branches=5, num_blocks=(1,) * 5, num_channels=(8, 16, 24, 32, 40))
            ),
            (8, 16, 24, 32, 40),
        ),
        (dict(upsample=dict(mode='bilinear', align_corners=False)), (8, 16, 32, 64)),
    ],
)
def test_any_setting_of_stages_trains(changes, expected):
    network = HRNet(extra(**changes), multiscale_output=True)
    maps = network.train()(torch.randn(2, 3, 64, 128))
    assert tuple(x.shape[1] for x in maps) == expected
    assert [x.shape[2] for x in maps] == [16 // 2**i for i in range(len(expected))]
    sum(x.square().sum() for x in maps).backward()
    assert all(p.grad is not None for p in network.parameters())


def test_fusion_adds_every_branch_before_the_activation():
    module = HRNetPyramid(TINY_HRNET).stage2[0].eval()
    x = [torch.randn(1, 8, 16, 8), torch.randn(1, 16, 8, 4)]
    with torch.no_grad():
        fine, coarse = (layer(b) for layer, b in zip(module.branches, x, strict=True))
        outputs = module(x)
        up = nn.functional.interpolate(module.fuse_layers[0][1][:2](coarse), scale_factor=2)
        expected = (fine + up).relu(), (module.fuse_layers[1][0](fine) + coarse).relu()
    assert all(torch.equal(a, b) for a, b in zip(outputs, expected, strict=True))


@every_network
def test_initialisation_is_the_published_one(network):
    torch.manual_seed(0)
    net = network(TINY_HRNET)
    net.init_weights()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            assert module.bias is None
            assert module.weight.abs().max() < 0.01
        elif isinstance(module, _BatchNorm):
            assert (module.weight == 1).all()
            assert not module.bias.any()
    weights = torch.cat([m.weight.flatten() for m in net.modules() if isinstance(m, nn.Conv2d)])
    assert weights.std().item() == pytest.approx(0.001, rel=0.02)


def test_zero_init_residual_zeroes_the_last_norm_of_every_block():
    net = HRNet(TINY_HRNET, zero_init_residual=True)
    net.init_weights()
    assert not net.layer1[0].bn3.weight.any()
    assert not net.stage4[0].branches[3][0].bn2.weight.any()
    assert (net.stage4[0].branches[3][0].bn1.weight == 1).all()


def test_pretrained_weights_are_kept_as_they_are(tmp_path):
    source = HRNet(TINY_HRNET)
    torch.save(source.state_dict(), tmp_path / 'weights.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth'))
    net = HRNet(TINY_HRNET, zero_init_residual=True, init_cfg=init_cfg)
    net.init_weights()
    pairs = zip(source.state_dict().values(), net.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@every_network
@pytest.mark.parametrize('frozen_stages', [0, 1, 3])
def test_frozen_stages_keep_weights_and_statistics(network, frozen_stages):
    net = network(TINY_HRNET, frozen_stages=frozen_stages).train()
    names = ['conv1', 'bn1', 'conv2', 'bn2']
    names += ['layer1', 'transition1', 'stage2', 'transition2', 'stage3', 'transition3'][
        : 2 * frozen_stages
    ]
    frozen = [getattr(net, name) for name in names]
    before = [b for part in frozen for b in statistics(part)]
    maps = net(torch.randn(2, 3, 64, 32))
    after = [b for part in frozen for b in statistics(part)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    trained = {name.split('.')[0] for name, p in net.named_parameters() if p.requires_grad}
    assert trained == {name.split('.')[0] for name, _ in net.named_parameters()} - set(names)
    if trained:
        sum(x.sum() for x in maps).backward()
        assert all(p.grad is not None for p in net.parameters() if p.requires_grad)


def test_norm_eval_keeps_all_statistics_but_trains_the_weights():
    net = HRNet(TINY_HRNET, norm_eval=True).train()
    before = statistics(net)
    net(torch.randn(2, 3, 64, 32))[0].sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, statistics(net), strict=True))
    assert all(p.grad is not None for p in net.parameters())


@every_network
def test_checkpointing_changes_nothing(network):
    states = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = network(TINY_HRNET, with_cp=with_cp).train()
        sum(x.square().mean() for x in net(torch.randn(2, 3, 64, 32))).backward()
        states.append([p.grad for p in net.parameters()] + statistics(net))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_norm_cfg_reaches_every_norm():
    net = HRNet(TINY_HRNET, norm_cfg=dict(type='GN', num_groups=4))
    assert not any(isinstance(m, _BatchNorm) for m in net.modules())


@every_network
def test_the_fused_form_has_no_norm_and_equal_outputs(network):
    torch.manual_seed(0)
    net = network(TINY_HRNET)
    for _ in range(3):  # moves the statistics
        net(torch.randn(2, 3, 64, 64))
    net.double().eval()
    x = torch.randn(1, 3, 64, 32, dtype=torch.float64)
    before = net(x)
    fuse(net)
    assert not any(isinstance(m, _BatchNorm) for m in net.modules())
    for a, b in zip(net(x), before, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    unfuse(net)
    assert all(torch.equal(a, b) for a, b in zip(net(x), before, strict=True))


@every_network
@pytest.mark.parametrize(('height', 'width'), [(48, 64), (64, 65), (16, 16)])
def test_sizes_that_do_not_halve_often_enough_are_refused(network, height, width):
    message = f'{network.__name__} takes images .* multiples of 32, got {width} x {height}'
    with pytest.raises(ConfigError, match=message):
        network(TINY_HRNET)(torch.zeros(1, 3, height, width))


def test_fewer_branches_take_more_sizes():
    three = extra(
        stage4=dict(num_branches=3, num_blocks=(1,) * 3, num_channels=(8, 16, 32)),
    )
    assert shapes(HRNet(three), 48, 16) == [(8, 12, 4)]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(stage2=dict(num_branches=3)), 'extra.stage2 must list .* each of its 3 branches'),
        (dict(stage3=dict(num_blocks=(1, 1))), 'extra.stage3 must list'),
        (dict(stage3=dict(block='SPLIT')), 'extra.stage3.block must be one of'),
        (dict(stage3=dict(num_modules=0)), 'extra.stage3.num_modules must be 1 or more, got 0'),
        (
            dict(stage4=dict(num_branches=2, num_blocks=(1, 1), num_channels=(8, 16))),
            r'must be 1 in stage1 and not fall .* got \[1, 2, 3, 2\]',
        ),
        (
            dict(stage1=dict(num_branches=2, num_blocks=(1, 1), num_channels=(8, 16))),
            'must be 1 in stage1',
        ),
    ],
)
def test_settings_that_contradict_themselves_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        HRNet(extra(**changes))


def test_missing_settings_are_named():
    setting = extra()
    del setting['stage3'], setting['stage2']['block']
    with pytest.raises(ConfigError, match=r"extra must hold stage1 to stage4, got no \['stage3'\]"):
        HRNet(setting)
    setting['stage3'] = TINY_HRNET['stage3']
    with pytest.raises(ConfigError, match=r"extra.stage2 must hold .* got no \['block'\]"):
        HRNet(setting)


@pytest.mark.parametrize('frozen_stages', [-2, 5])
def test_frozen_stages_must_exist(frozen_stages):
    with pytest.raises(ConfigError, match=r'frozen_stages must lie in -1\.\.4'):
        HRNet(TINY_HRNET, frozen_stages=frozen_stages)
