import copy

import pytest
import torch
from torch import nn

from posenas.models import Hourglass
from posenas.models.fused import fuse
from posenas.utils import ConfigError

SETTINGS = [
    dict(),
    dict(num_stacks=1, num_features=16, num_joints=5),
    dict(num_stacks=3, num_features=24, num_blocks=2, num_joints=17),
    dict(num_stacks=2, num_features=8, depth=2),
]


def _count_unit(channels, width):
    """Parameters by the definition: three norms, three convolutions with bias, a shortcut."""
    norms = 2 * channels + 4 * width
    convs = (channels + 1) * width + (9 * width + 1) * width + (width + 1) * 2 * width
    return norms + convs + (0 if channels == 2 * width else (channels + 1) * 2 * width)


def _count(num_joints=16, num_stacks=4, num_features=128, num_blocks=1, depth=4):
    f, quarter = num_features, num_features // 4
    stem = (3 * 49 + 1) * quarter + 2 * quarter
    stem += _count_unit(quarter, quarter) + _count_unit(f // 2, f // 2) + _count_unit(f, f // 2)
    places = 3 * depth + 1 + 1  # in the hourglass and behind it
    stack = places * num_blocks * _count_unit(f, f // 2)
    stack += (f + 1) * f + 2 * f + (f + 1) * num_joints
    return stem + num_stacks * stack + (num_stacks - 1) * ((f + 1) * f + (num_joints + 1) * f)


@pytest.mark.parametrize('setting', SETTINGS)
def test_every_size_has_the_parameters_of_the_definition(setting):
    with torch.device('meta'):
        network = Hourglass(**setting)
    assert sum(p.numel() for p in network.parameters()) == _count(**setting)


@pytest.mark.parametrize('setting', SETTINGS[1:])
def test_every_stack_scores_at_a_quarter_of_the_size(setting):
    multiple = 4 * 2 ** setting.get('depth', 4)
    scores = Hourglass(**setting).eval()(torch.randn(1, 3, 2 * multiple, multiple))
    shape = (1, setting.get('num_joints', 16), multiple // 2, multiple // 4)
    assert [tuple(s.shape) for s in scores] == [shape] * setting['num_stacks']


def test_blocks_are_numbered_inside_their_places():
    names = Hourglass(num_stacks=2, num_features=8, num_blocks=2).state_dict()
    assert 'hg.1.hg.0.3.1.conv2.weight' in names
    assert 'hg.1.hg.1.3.0.conv2.weight' not in names
    assert 'res.0.1.bn3.running_var' in names
    assert {n.split('.')[1] for n in names if n.startswith('fc_.')} == {'0'}


def test_one_stack_hands_nothing_on():
    network = Hourglass(num_stacks=1, num_features=8)
    assert len(network.fc_) == len(network.score_) == 0


def test_the_next_stack_reads_features_and_scores():
    torch.manual_seed(0)
    network = Hourglass(num_stacks=2, num_features=8).eval()
    x = torch.randn(1, 3, 64, 64)
    first, second = network(x)
    for link in (network.fc_[0], network.score_[0]):
        with torch.no_grad():
            link.bias += 1
        other_first, other_second = network(x)
        assert torch.equal(first, other_first)
        assert not torch.equal(second, other_second)
        second = other_second


@pytest.mark.parametrize(
    ('height', 'width', 'depth', 'multiple'), [(384, 288, 4, 64), (100, 64, 4, 64), (64, 40, 3, 32)]
)
def test_sides_that_cannot_be_halved_are_refused(height, width, depth, multiple):
    network = Hourglass(num_stacks=1, num_features=8, depth=depth)
    with pytest.raises(ConfigError, match=rf'multiples of {multiple}, got {width} x {height}'):
        network(torch.zeros(1, 3, height, width))


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        (dict(num_features=130), 'num_features must be a multiple of 4, got 130'),
        (dict(num_stacks=0), 'num_stacks must be greater than 0'),
        (dict(depth=0), 'depth must be greater than 0'),
    ],
)
def test_sizes_that_mean_nothing_are_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        Hourglass(**setting)


def test_initialisation_stays_pytorchs():
    torch.manual_seed(0)
    network = Hourglass(num_stacks=1, num_features=8)
    before = copy.deepcopy(network.state_dict())
    network.init_weights()
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_fused_form_folds_the_norms_behind_convolutions():
    torch.manual_seed(0)
    network = Hourglass(num_stacks=2, num_features=16).double()
    network.train()(torch.randn(4, 3, 64, 64).double())  # moves running statistics
    x = torch.randn(1, 3, 128, 64).double()
    expected = network.eval()(x)
    total = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    fuse(network)
    kept = sum(isinstance(m, nn.BatchNorm2d) for m in network.modules())
    units = sum(hasattr(m, 'conv3') for m in network.modules())
    assert (kept, total) == (units, 3 * units + 1 + 2)  # the first norm of a unit cannot go
    for ours, wanted in zip(network(x), expected, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-9)
