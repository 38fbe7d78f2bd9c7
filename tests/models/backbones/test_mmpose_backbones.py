"""Small and residual networks under the names of MMPose: sizes, maps, frozen parts, fused forms."""

import pytest
import torch
from torch import nn

from posenas.models.fused import fuse
from posenas.registry import MODELS
from posenas.utils import ConfigError

#: Network -> parameters as published with a classifier, those of the classifier, a name in the
#: published state dict, and the channels of the last map.
NETWORKS = {
    'MobileNetV2': ({}, 3_504_872, 1_281_000, 'layer2.0.conv.2.bn.weight', 1280),
    'ShuffleNetV1': ({}, 1_865_728, 961_000, 'layers.0.0.g_conv_1x1_expand.conv.weight', 960),
    'ShuffleNetV2': ({}, 2_278_604, 1_025_000, 'layers.3.conv.weight', 1024),
    'ResNetV1d': (dict(depth=50), 25_576_264, 2_049_000, 'layer2.0.downsample.1.weight', 2048),
    'ResNeXt': (dict(depth=50), 25_028_904, 2_049_000, 'layer1.0.conv2.weight', 2048),
    'SEResNet': (dict(depth=50), 28_088_024, 2_049_000, 'layer1.0.se_layer.conv1.conv.bias', 2048),
}


def build(kind, **options):
    torch.manual_seed(0)
    return MODELS.build(dict(type=kind, **NETWORKS[kind][0] | options))


@pytest.mark.parametrize('kind', NETWORKS)
def test_a_network_has_the_published_size_and_names(kind):
    _, whole, classifier, name, channels = NETWORKS[kind]
    with torch.device('meta'):
        network = build(kind)
        last = network.eval()(torch.empty(1, 3, 64, 96))[-1]
    assert sum(p.numel() for p in network.parameters()) == whole - classifier
    assert name in network.state_dict()
    assert last.shape == (1, channels, 2, 3)


@pytest.mark.parametrize('kind', ['MobileNetV2', 'ShuffleNetV1', 'ShuffleNetV2'])
def test_frozen_layers_stay_in_evaluation_without_gradients(kind):
    network = build(kind, frozen_stages=1).train()
    frozen = [network.conv1, network._list_layers()[0]]
    assert not any(p.requires_grad for part in frozen for p in part.parameters())
    assert not any(part.training for part in frozen)
    assert all(p.requires_grad for p in network._list_layers()[1].parameters())


@pytest.mark.parametrize('kind', NETWORKS)
def test_the_fused_form_gives_the_same_map_without_norms(kind):
    network = nn.Sequential(build(kind)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.running_mean, std=0.1)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        plain = network(x)[-1]
        fuse(network)
        torch.testing.assert_close(network(x)[-1], plain, rtol=1e-3, atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize(
    ('kind', 'options', 'message'),
    [
        ('MobileNetV2', dict(out_indices=(8,)), 'out_indices must lie in 0..7'),
        ('ShuffleNetV1', dict(groups=5), 'groups must be one of'),
        ('ShuffleNetV1', dict(frozen_stages=4), 'frozen_stages must lie in -1..3'),
        ('ShuffleNetV2', dict(widen_factor=0.7), 'widen_factor must be one of'),
        ('ResNeXt', dict(groups=30), 'must divide 256'),
        ('ResNetV1d', dict(num_stages=5), 'num_stages must lie in 1..4'),
        ('SEResNet', dict(depth=18), 'depth must be one of'),
    ],
)
def test_impossible_settings_are_refused(kind, options, message):
    with pytest.raises((ConfigError, ValueError, KeyError), match=message):
        build(kind, **options)
