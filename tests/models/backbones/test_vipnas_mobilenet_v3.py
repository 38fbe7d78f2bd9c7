import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from golden.seeded import draw_entry
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from posenas.models import ViPNASHead, ViPNASInvertedResidual, ViPNASMobileNetV3
from posenas.models.fused import fuse
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

#: The table of the published network: blocks, width, middle channels, kernel, channels per group,
#: squeezed channels (0: no attention), stride.
STAGES = [
    (1, 16, 16, 3, 2, 4, 1),
    (4, 24, 120, 7, 1, 30, 2),
    (4, 40, 160, 7, 8, 0, 2),
    (4, 80, 400, 5, 4, 100, 2),
    (4, 112, 560, 7, 2, 140, 1),
    (4, 160, 960, 5, 4, 240, 2),
]
#: A network of the same plan that runs in milliseconds.
SMALL = dict(
    wid=(8, 8, 12, 16),
    expan=(None, 1, 2, 3),
    dep=(None, 1, 2, 2),
    ks=(3, 3, 5, 3),
    group=(None, 2, 24, 4),
    att=(None, True, False, True),
    stride=(2, 1, 2, 2),
    act=('HSwish', 'ReLU', 'ReLU', 'HSwish'),
)


def _count_from_table(height, width):
    """Parameters and multiply-accumulates of the published backbone, by the table alone."""
    cells = height * width // 4
    parameters, macs, channels = 27 * 16 + 2 * 16, 27 * 16 * cells, 16
    for blocks, out, middle, kernel, group_width, squeezed, stride in STAGES:
        for i in range(blocks):
            if middle != out:
                parameters += channels * middle + 2 * middle
                macs += channels * middle * cells
            if i == 0:
                cells //= stride**2
            weights = middle * group_width * kernel**2
            parameters += weights + 2 * middle + middle * out + 2 * out
            macs += (weights + middle * out) * cells + 2 * middle * squeezed
            parameters += 2 * middle * squeezed + (middle + squeezed if squeezed else 0)
            channels = out
    return parameters, macs


def _compute(weights, x, lists):
    """Run the network in evaluation mode by its formulas alone, from entries by published name."""

    def unit(x, name, activation=None, stride=1, groups=1):
        kernel = weights[f'{name}.conv.weight']
        x = F.conv2d(x, kernel, None, stride, kernel.shape[-1] // 2, groups=groups)
        leaves = ('running_mean', 'running_var', 'weight', 'bias')
        x = F.batch_norm(x, *(weights[f'{name}.bn.{leaf}'] for leaf in leaves), eps=1e-5)
        activations = {'HSwish': lambda x: x * F.relu6(x + 3) / 6, 'ReLU': F.relu}
        return x if activation is None else activations[activation](x)

    def attend(x, name):
        a = x.mean((2, 3), keepdim=True)
        a = F.conv2d(a, weights[f'{name}.conv1.conv.weight'], weights[f'{name}.conv1.conv.bias'])
        a = F.relu(a)
        a = F.conv2d(a, weights[f'{name}.conv2.conv.weight'], weights[f'{name}.conv2.conv.bias'])
        return x * ((a + 1) / 2).clamp(0, 1)

    act, x = lists['act'], unit(x, 'conv1', lists['act'][0], lists['stride'][0])
    blocks = [(i, j) for i in range(1, len(act)) for j in range(lists['dep'][i])]
    for number, (i, j) in enumerate(blocks, start=1):
        name, stride = f'layer{number}', 1 if j else lists['stride'][i]
        y = x if lists['expan'][i] == 1 else unit(x, f'{name}.expand_conv', act[i])
        y = unit(y, f'{name}.depthwise_conv', act[i], stride, lists['group'][i])
        y = attend(y, f'{name}.se') if lists['att'][i] else y
        y = unit(y, f'{name}.linear_conv')
        x = x + y if stride == 1 and x.shape == y.shape else y
    return x


def _running(module):
    return [b.clone() for name, b in module.named_buffers() if 'running' in name]


def test_published_name_builds_the_same_class():
    assert MODELS.get('ViPNAS_MobileNetV3') is MODELS.get('ViPNASMobileNetV3') is ViPNASMobileNetV3


@pytest.mark.parametrize('size', [(256, 192), (384, 288)])
def test_cost_is_that_of_the_published_table(size):
    with torch.device('meta'):
        cost = profile_model(ViPNASMobileNetV3(), torch.empty(1, 3, *size))
    assert (cost.parameters, cost.macs) == _count_from_table(*size)


def test_cost_with_its_head():
    with torch.device('meta'):
        head = ViPNASHead(160, 17, (160,) * 3, (4,) * 3, (160,) * 3)
        network = nn.Sequential(ViPNASMobileNetV3(), head)
        cost = profile_model(network, torch.empty(1, 3, 256, 192))
    backbone = _count_from_table(256, 192)
    deconvs, final = 3 * (160 * 16 + 2 * 160), 160 * 17 + 17
    cells = 8 * 6 + 16 * 12 + 32 * 24
    assert cost.parameters == backbone[0] + deconvs + final == 5_895_725
    assert cost.macs == backbone[1] + 160 * 16 * cells + 160 * 17 * 64 * 48 == 734_151_936


def test_entries_have_the_published_names_in_order():
    network = ViPNASMobileNetV3()
    parts = list(dict.fromkeys(n.split('.')[0] for n in network.state_dict()))
    assert parts == ['conv1', *network.layers] == ['conv1', *(f'layer{i}' for i in range(1, 22))]
    names = (name.rpartition('.')[0] for name, _ in network.layer2.named_parameters())
    assert list(dict.fromkeys(names)) == [
        'expand_conv.conv', 'expand_conv.bn', 'depthwise_conv.conv', 'depthwise_conv.bn',
        'se.conv1.conv', 'se.conv2.conv', 'linear_conv.conv', 'linear_conv.bn',
    ]  # fmt: skip
    assert network.layer1.expand_conv is None


@pytest.mark.parametrize(
    'change',
    [
        {},
        dict(att=(None, False, True, True), act=('ReLU', 'HSwish', 'HSwish', 'ReLU')),
        dict(ks=(5, 5, 3, 7), stride=(2, 2, 1, 1), group=(None, 8, 3, 16)),
        dict(wid=(9, 9, 15, 21), group=(None, 3, 10, 21), dep=(None, 3, 1, 2)),
    ],
)
def test_the_network_is_its_formula(change):
    lists = SMALL | change
    network = ViPNASMobileNetV3(**lists).double().eval()
    weights = {k: draw_entry(k, tuple(v.shape), v.dtype) for k, v in network.state_dict().items()}
    network.load_state_dict(weights)
    x = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(network(x)[0], _compute(weights, x, lists))


def test_stages_have_the_strides_and_activations_of_the_lists():
    network = ViPNASMobileNetV3(**SMALL).eval()
    (feature,) = network(torch.randn(1, 3, 64, 48))
    assert feature.shape == (1, 16, 8, 6)
    assert network.feat_dim == 16
    assert isinstance(network.layer2.depthwise_conv.activate, nn.ReLU)
    assert isinstance(network.layer5.expand_conv.activate, nn.Hardswish)
    attends = [getattr(network, name).se is not None for name in network.layers]
    assert attends == [True, False, False, True, True]


def test_the_input_is_added_where_shapes_agree():
    shortcuts = [getattr(ViPNASMobileNetV3(**SMALL), f'layer{i}').has_shortcut for i in range(1, 6)]
    assert shortcuts == [True, False, True, False, True]
    block = ViPNASInvertedResidual(8, 8, 2, groups=4).eval()
    nn.init.zeros_(block.linear_conv.conv.weight)
    x = torch.randn(1, 8, 4, 4)
    assert torch.equal(block(x), x)


def test_initialisation_is_the_released_one_also_in_stem_and_attention():
    torch.manual_seed(0)
    network = ViPNASMobileNetV3()
    network.init_weights()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            assert 0 < module.weight.abs().max() < 0.01
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, _BatchNorm):
            assert (module.weight == 1).all()


@pytest.mark.parametrize('num_frozen', [0, 2])
def test_frozen_blocks_are_counted_and_the_stem_goes_on_measuring(num_frozen):
    network = ViPNASMobileNetV3(**SMALL, frozen_stages=num_frozen).train()
    blocks = [getattr(network, name) for name in network.layers]
    before = [_running(part) for part in (network.conv1, *blocks)]
    network(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    after = [_running(part) for part in (network.conv1, *blocks)]
    moved = [
        not all(torch.equal(a, b) for a, b in zip(old, new, strict=True))
        for old, new in zip(before, after, strict=True)
    ]
    assert moved == [True, *(i >= num_frozen for i in range(5))]
    trained = {n.split('.')[0] for n, p in network.named_parameters() if p.grad is not None}
    assert trained == set(network.layers[num_frozen:])


def test_norm_eval_keeps_all_statistics_but_trains_the_weights():
    network = ViPNASMobileNetV3(**SMALL, norm_eval=True).train()
    before = _running(network)
    network(torch.randn(2, 3, 64, 64))[0].square().sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, _running(network), strict=True))
    assert all(p.grad is not None for p in network.parameters())


def test_checkpointing_changes_nothing():
    states = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        network = ViPNASMobileNetV3(**SMALL, with_cp=with_cp).train()
        network(torch.randn(2, 3, 64, 64))[0].square().mean().backward()
        states.append([p.grad for p in network.parameters()] + _running(network))
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def test_norm_cfg_reaches_every_norm():
    network = ViPNASMobileNetV3(**SMALL, norm_cfg=dict(type='GN', num_groups=4))
    assert not any(isinstance(m, _BatchNorm) for m in network.modules())


def test_fused_form_has_no_norm():
    torch.manual_seed(0)
    network = ViPNASMobileNetV3(**SMALL).double()
    network.train()(torch.randn(4, 3, 64, 64).double())
    x = torch.randn(1, 3, 64, 48).double()
    (expected,) = network.eval()(x)
    fuse(network)
    assert not any(isinstance(m, _BatchNorm) for m in network.modules())
    torch.testing.assert_close(network(x)[0], expected)


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match=r'ks must be odd, got \[4\]'):
        ViPNASMobileNetV3(**SMALL | dict(ks=(3, 3, 4, 5)))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(wid=(8, 8, 12)), 'must all have one entry'),
        (dict(group=(None, 2, 5, 4)), 'group must divide wid . expan, got 5 groups for 24'),
        (
            dict(expan=(None, 1, 1, 3), group=(None, 2, 4, 4)),
            'expan must be greater than 1 where the width changes',
        ),
        (dict(frozen_stages=6), r'frozen_stages must lie in -1\.\.5'),
    ],
)
def test_settings_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ConfigError, match=message):
        ViPNASMobileNetV3(**SMALL | change)
