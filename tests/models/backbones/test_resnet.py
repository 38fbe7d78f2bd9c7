import pytest
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own abbreviation)
from golden.seeded import load_manifest
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models.backbones import ResNet
from posenas.models.fused import fuse, unfuse
from posenas.models.layers import BasicBlock, Bottleneck
from posenas.utils import ConfigError

#: A narrow network that runs in milliseconds.
SMALL = dict(depth=18, stem_channels=8, base_channels=8)
ALL = (0, 1, 2, 3)


def statistics(module):
    return [b.clone() for name, b in module.named_buffers() if 'running' in name]


def disturb(net):
    """Move statistics and scales away from their start; return the network in evaluation mode."""
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, _BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return net.eval()


@pytest.mark.parametrize(
    ('depth', 'block', 'blocks', 'parameters'),
    [
        (18, BasicBlock, [2, 2, 2, 2], 11_176_512),
        (34, BasicBlock, [3, 4, 6, 3], 21_284_672),
        (50, Bottleneck, [3, 4, 6, 3], 23_508_032),
        (101, Bottleneck, [3, 4, 23, 3], 42_500_160),
        (152, Bottleneck, [3, 8, 36, 3], 58_143_808),
    ],
)
def test_depths_are_the_published_ones(depth, block, blocks, parameters):
    with torch.device('meta'):
        net = ResNet(depth)
    layers = [net.layer1, net.layer2, net.layer3, net.layer4]
    assert [len(layer) for layer in layers] == blocks
    assert all(type(b) is block for layer in layers for b in layer)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert net.feat_dim == (512 if depth < 50 else 2048)


def test_names_and_shapes_are_the_recorded_ones_in_order(golden_dir):
    manifest = load_manifest(golden_dir / 'pnfs' / 'tiny_cnfx1_allops_coco')
    recorded = [
        (entry['name'].removeprefix('backbone.'), entry['shape'])
        for entry in manifest['state_dict']
        if entry['name'].startswith('backbone.')
    ]
    ours = [(name, list(value.shape)) for name, value in ResNet(18).state_dict().items()]
    assert ours == recorded


@pytest.mark.parametrize('depth', [18, 50])
def test_maps_are_those_of_the_paper_written_out(depth):
    """The same network from its state dict alone, in functions."""
    net = disturb(ResNet(depth, stem_channels=8, base_channels=4, out_indices=ALL))
    state = net.state_dict()

    def conv_norm(x, conv, norm, **arguments):
        x = F.conv2d(x, state[f'{conv}.weight'], **arguments)
        keys = ('running_mean', 'running_var', 'weight', 'bias')
        return F.batch_norm(x, *(state[f'{norm}.{key}'] for key in keys), eps=1e-5)

    def block(x, name, stride):
        last = 2 if depth == 18 else 3
        out = x
        for i in range(1, last + 1):
            side = state[f'{name}.conv{i}.weight'].shape[-1]
            takes_stride = i == last - 1
            arguments = dict(stride=stride if takes_stride else 1, padding=side // 2)
            out = conv_norm(out, f'{name}.conv{i}', f'{name}.bn{i}', **arguments)
            out = out.relu() if i < last else out
        if f'{name}.downsample.0.weight' in state:
            x = conv_norm(x, f'{name}.downsample.0', f'{name}.downsample.1', stride=stride)
        return (out + x).relu()

    x = images = torch.randn(2, 3, 64, 96)
    x = F.max_pool2d(conv_norm(x, 'conv1', 'bn1', stride=2, padding=3).relu(), 3, 2, 1)
    maps = []
    for i in range(1, 5):
        for j in range(len(getattr(net, f'layer{i}'))):
            x = block(x, f'layer{i}.{j}', 2 if i > 1 and j == 0 else 1)
        maps.append(x)
    with torch.no_grad():
        ours = net(images)
    for a, b in zip(ours, maps, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_the_pyramid_has_strides_4_to_32():
    maps = ResNet(**SMALL, out_indices=ALL).eval()(torch.randn(1, 3, 64, 32))
    assert [tuple(x.shape[1:]) for x in maps] == [(8, 16, 8), (16, 8, 4), (32, 4, 2), (64, 2, 1)]


def test_sizes_that_are_no_multiples_are_rounded_up():
    (x,) = ResNet(**SMALL).eval()(torch.randn(1, 3, 70, 33))
    assert x.shape[2:] == (3, 2)


def test_settings_change_what_they_name():
    net = ResNet(
        50,
        stem_channels=16,
        base_channels=8,
        expansion=2,
        num_stages=3,
        strides=(1, 2, 1),
        dilations=(1, 1, 2),
        out_indices=(2,),
        style='caffe',
        deep_stem=True,
        avg_down=True,
        norm_cfg=dict(type='GN', num_groups=4),
    )
    assert not hasattr(net, 'layer4')
    assert net.stem[2].conv.out_channels == 16
    assert net.layer1[0].conv2.in_channels == 8
    assert net.layer2[0].conv1.stride == (2, 2)
    assert net.layer3[1].conv2.dilation == (2, 2)
    assert isinstance(net.layer2[0].downsample[0], nn.AvgPool2d)
    assert not any(isinstance(m, _BatchNorm) for m in net.modules())
    assert net(torch.randn(1, 3, 64, 32))[0].shape == (1, 64, 8, 4)


def test_initialisation_follows_he_and_zeroes_residuals():
    torch.manual_seed(0)
    net = ResNet(50, base_channels=32)
    net.init_weights()
    weight = net.layer3[1].conv2.weight
    assert weight.std().item() == pytest.approx((2 / (9 * weight.shape[0])) ** 0.5, rel=0.02)
    for layer in (net.layer1, net.layer4):
        for block in layer:
            assert not block.bn3.weight.any()
            assert (block.bn1.weight == 1).all()
    plain = ResNet(18, base_channels=8, zero_init_residual=False)
    plain.init_weights()
    assert (plain.layer1[0].bn2.weight == 1).all()


@pytest.mark.parametrize('deep_stem', [False, True])
def test_frozen_stages_keep_weights_and_statistics(deep_stem):
    net = ResNet(**SMALL, frozen_stages=2, deep_stem=deep_stem).train()
    frozen = [net.stem if deep_stem else net.bn1, net.layer1, net.layer2]
    before = [b for part in frozen for b in statistics(part)]
    net(torch.randn(2, 3, 64, 64))[0].sum().backward()
    after = [b for part in frozen for b in statistics(part)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    trained = {name.split('.')[0] for name, p in net.named_parameters() if p.grad is not None}
    assert trained == {'layer3', 'layer4'}


def test_norm_eval_keeps_all_statistics_but_trains_the_weights():
    net = ResNet(**SMALL, norm_eval=True).train()
    before = statistics(net)
    net(torch.randn(2, 3, 64, 64))[0].sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, statistics(net), strict=True))
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize('depth', [18, 50])
def test_checkpointing_changes_nothing(depth):
    states = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = ResNet(depth, base_channels=8, with_cp=with_cp).train()
        net(torch.randn(2, 3, 64, 64))[0].square().mean().backward()
        states.append([p.grad for p in net.parameters()] + statistics(net))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


@pytest.mark.parametrize('deep_stem', [False, True])
def test_the_fused_form_has_no_norm_and_equal_outputs(deep_stem):
    net = disturb(ResNet(**SMALL, deep_stem=deep_stem)).double()
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    before = net(x)[0]
    fuse(net)
    assert not any(isinstance(m, _BatchNorm) for m in net.modules())
    torch.testing.assert_close(net(x)[0], before, rtol=1e-10, atol=1e-10)
    unfuse(net)
    assert torch.equal(net(x)[0], before)


@pytest.mark.parametrize(
    ('cfg', 'error', 'message'),
    [
        (dict(depth=20), KeyError, r'depth must be one of \[18, 34, 50, 101, 152\], got 20'),
        (dict(num_stages=0), ConfigError, r'num_stages must lie in 1\.\.4, got 0'),
        (dict(strides=(1, 2)), ConfigError, 'strides must have at least 4 entries'),
        (dict(dilations=(1,)), ConfigError, 'dilations must have at least 4 entries'),
        (dict(out_indices=(4,)), ConfigError, r'out_indices must lie in 0\.\.3, got \(4,\)'),
        (dict(frozen_stages=5), ConfigError, r'frozen_stages must lie in -1\.\.4, got 5'),
        (dict(style='tf'), ValueError, 'style must be one of'),
    ],
)
def test_settings_that_cannot_be_built_are_named(cfg, error, message):
    with pytest.raises(error, match=message):
        ResNet(**SMALL | cfg)
