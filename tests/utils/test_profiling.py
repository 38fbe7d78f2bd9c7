from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from posenas.models import ViPNASHead, ViPNASResNet
from posenas.utils import count_parameters, measure_latency, profile_model


class _Functional(nn.Module):
    """Everything that hooks on modules overlook."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(6, 2, 3, 3))
        self.twice = nn.Conv2d(6, 6, 1)
        self.never = nn.Conv2d(6, 6, 1)

    def forward(self, x):
        x = F.conv2d(x, self.kernel, padding=1, groups=2)  # (B, 6, 8, 8)
        x = self.twice(self.twice(x)).relu()
        x = F.interpolate(x, scale_factor=2)
        pixels = x.flatten(2)
        return pixels @ pixels.transpose(1, 2)


@pytest.mark.parametrize(
    ('module', 'shape', 'macs'),
    [
        (nn.Conv2d(4, 6, 3, padding=1), (1, 4, 5, 7), 5 * 7 * 6 * 4 * 9),
        (nn.Conv2d(4, 6, (1, 3), stride=2, groups=2), (2, 4, 5, 7), 2 * 3 * 3 * 6 * 2 * 3),
        (nn.Conv1d(4, 6, 3), (1, 4, 9), 7 * 6 * 4 * 3),
        (nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1, groups=2), (1, 6, 5, 7), 35 * 6 * 2 * 16),
        (nn.Linear(3, 5), (2, 3), 2 * 15),
        (nn.Linear(3, 5, bias=False), (2, 4, 3), 8 * 15),
    ],
)
@pytest.mark.parametrize('device', ['cpu', 'meta'])
def test_macs_follow_the_published_convention(module, shape, macs, device):
    cost = profile_model(deepcopy(module).to(device), torch.zeros(shape, device=device))
    assert (cost.macs, cost.operations.matmul) == (macs, 0)


def test_functional_operations_and_repeated_calls_are_counted():
    cost = profile_model(_Functional(), torch.randn(1, 4, 8, 8))
    by_name = {module.name: module for module in cost.modules}
    assert cost.macs == 64 * 6 * 2 * 9 + 2 * 64 * 36
    assert cost.operations.matmul == 6 * 256 * 6
    assert cost.operations.interpolation == 6 * 256
    assert cost.operations.elementwise >= 6 * 64
    assert by_name['twice'].calls == 2
    assert by_name['twice'].operations.macs == 2 * 64 * 36
    assert by_name['never'].calls == 0
    assert by_name['never'].input_shape is None
    assert cost.parameters == 6 * 2 * 9 + 2 * 42


def test_modules_sum_what_lies_below_them():
    net = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 3, 1)), nn.Conv2d(3, 1, 1))
    cost = profile_model(net, torch.zeros(1, 1, 4, 4))
    macs = {module.name: module.operations.macs for module in cost.modules}
    assert macs == {'': 176, '0': 128, '0.0': 32, '0.1': 96, '1': 48}
    assert [module.depth for module in cost.modules] == [0, 1, 2, 2, 1]
    assert cost.modules[1].input_shape == (1, 1, 4, 4)
    assert cost.modules[1].output_shape == (1, 3, 4, 4)


def test_peak_memory_is_that_of_the_largest_moment():
    net = nn.Sequential(nn.Conv2d(1, 8, 1), nn.ReLU(inplace=True), nn.Conv2d(8, 1, 1))
    x = torch.zeros(1, 1, 16, 16)
    assert profile_model(net, x).peak_memory == 9 * 256 * 4
    assert profile_model(net.to('meta'), x.to('meta')).peak_memory == 9 * 256 * 4


def test_views_of_weights_and_inputs_take_no_memory():
    assert profile_model(nn.Flatten(), torch.zeros(1, 4, 4)).peak_memory == 0
    assert profile_model(nn.Linear(64, 1), torch.zeros(1, 64)).peak_memory == 4


def test_the_model_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).train()
    net[1].eval()
    profile_model(net, torch.ones(2, 1, 2, 2))
    measure_latency(net, torch.ones(2, 1, 2, 2), num_runs=1, num_warmup=0)
    assert (net.training, net[0].training, net[1].training) == (True, True, False)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_failing_model_is_left_as_it_was():
    net = nn.Conv2d(1, 2, 1)
    with pytest.raises(RuntimeError):
        profile_model(net, torch.ones(2, 3, 2, 2))
    assert not net._forward_hooks
    assert net.training
    assert net(torch.ones(1, 1, 2, 2)).requires_grad


def test_shared_parameters_count_once():
    conv = nn.Conv2d(1, 2, 1)
    assert count_parameters(nn.ModuleList([conv, conv])) == 4


def test_latency_is_the_median_of_the_runs_after_the_warm_up():
    calls = []
    module = nn.Identity()
    module.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    threads = torch.get_num_threads()
    seconds = measure_latency(module, torch.ones(1), num_runs=5, num_warmup=2, num_threads=1)
    assert 0 < seconds < 1
    assert calls == [False] * 7
    assert torch.get_num_threads() == threads


def test_s_vipnas_res50_costs_what_the_reference_does():
    net = nn.Sequential(ViPNASResNet(depth=50), ViPNASHead(608, 17)).to('meta')
    cost = profile_model(net, torch.zeros(1, 3, 256, 192, device='meta'))
    macs = {module.name: module.operations.macs for module in cost.modules}
    assert cost.parameters == 7_286_772
    assert cost.macs == 1_462_930_272
    assert [macs[f'0.{part}'] for part in ('conv1', 'layer1', 'layer2', 'layer3', 'layer4')] == [
        86_704_128,
        206_448_640,
        449_740_800,
        471_927_776,
        216_479_616,
    ]
    assert (macs['1.deconv_layers'], macs['1.final_layer']) == (24_109_056, 7_520_256)
