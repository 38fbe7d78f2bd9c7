"""Networks of every family as spaces: the supernet, what it is made of, what is cut out of it."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from registry_cases import DITE_EXTRA, LITE_EXTRA, TINY_HRNET, TINY_POSENAS, TINY_REFINE, noise

from posenas.genotype import Genotype, make_graphs
from posenas.models.fused import fuse
from posenas.models.heads.base import list_stages
from posenas.models.settling import draw_settled_weights
from posenas.registry import MODELS
from posenas.search import (
    CostContext,
    NetworkCounter,
    PrunedModelCounter,
    PrunedModelSpace,
    from_model,
    list_operations,
)
from posenas.search.pruned.sorting import sort_channels
from posenas.utils import ConfigError

CONTEXT = CostContext((64, 64), 5)
DECONV = dict(type='HeatmapHead', out_channels=5, deconv_out_channels=(6,), deconv_kernel_sizes=(3,))
VIPNAS_HEAD = dict(
    type='ViPNASHead',
    out_channels=5,
    deconv_out_channels=(16, 16),
    deconv_kernel_sizes=(4, 2),
    deconv_num_groups=(8, 16),
    final_layer=dict(kernel_size=3, padding=1),
)
NARROW = dict(depth=50, num_stages=2, out_indices=(1,))


def with_deconv(in_channels, **backbone):
    return dict(backbone=backbone, head=dict(DECONV, in_channels=in_channels))


def hourglass(num_blocks=1):
    sizes = dict(num_joints=5, num_stacks=2, num_features=8, num_blocks=num_blocks, depth=2)
    return dict(
        backbone=dict(sizes, type='Hourglass'),
        head=dict(type='StackedHourglassHead', out_channels=5),
    )


def posenas(**backbone):
    stages = backbone.get('num_stages', 2)
    head = dict(type='PoseNASHead', in_channels=(16,) * stages, num_stages=stages, out_channels=5)
    return dict(backbone=dict(TINY_POSENAS, type='PoseNAS', **backbone), head=head)


VIPNAS = dict(
    wid=(16, 16, 32),
    expan=(None, 1, 2),
    dep=(None, 2, 3),
    ks=(7, 3, 5),
    group=(None, 4, 4),
    att=(None, True, False),
)
#: The cheapest of each family.
QUICK = dict(
    resnet=with_deconv(64, type='ResNet', depth=18, stem_channels=8, base_channels=8),
    mobilenet_v3=with_deconv(40, type='MobileNetV3', out_indices=(4,)),
    vipnas=dict(
        backbone=dict(VIPNAS, type='ViPNAS_ResNet', depth=50, num_stages=2, out_indices=(1,)),
        head=dict(VIPNAS_HEAD, in_channels=64),
    ),
    hrnet=dict(
        backbone=dict(type='PoseHRNet', extra=TINY_HRNET),
        head=dict(type='HeatmapHead', in_channels=8, out_channels=5, deconv_out_channels=None),
    ),
    hourglass=hourglass(),
    posenas=posenas(num_stages=1),
)
#: Further backbones, and more of the same.
SLOW = dict(
    mobilenet_v2=with_deconv(32, type='MobileNetV2', widen_factor=0.25, out_indices=(3,)),
    mobilenet_v2_pyramid=with_deconv(160, type='MobileNetV2Pyramid', unused_tail=True),
    vipnas_mobile=dict(
        backbone=dict(type='ViPNAS_MobileNetV3'), head=dict(VIPNAS_HEAD, in_channels=160)
    ),
    resnext=with_deconv(512, type='ResNeXt', **NARROW),
    seresnet=with_deconv(512, type='SEResNet', **NARROW),
    resnet_v1d=with_deconv(512, type='ResNetV1d', **NARROW),
    deep_hourglass=hourglass(num_blocks=2),
    refined_posenas=posenas(refine=TINY_REFINE, fusion='intended'),
    released_posenas=posenas(refine=TINY_REFINE),
)
every_network = pytest.mark.parametrize(
    'model',
    [
        *(pytest.param(model, id=name) for name, model in QUICK.items()),
        *(pytest.param(model, id=name, marks=pytest.mark.slow) for name, model in SLOW.items()),
    ],
)


@pytest.fixture(autouse=True)
def double_precision():
    """Rounding stays far below what a wrong channel changes."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@torch.no_grad()
def run(network):
    return list_stages(network(noise(2, 3, 64, 64)))[-1]


def draw_network(model):
    """Build a network whose channels, offsets and statistics all matter."""
    init_default_scope('posenas')
    network = MODELS.build(dict(deepcopy(model), type='TopdownPoseEstimator'))
    draw_settled_weights(network, noise(2, 3, 64, 64, seed=1))
    return network


def build(config):
    return MODELS.build(deepcopy(dict(config, type='TopdownPoseEstimator')))


@every_network
def test_a_supernet_equals_its_network_and_what_is_cut_out_of_it(model, tmp_path):
    network = draw_network(model)
    torch.save(dict(state_dict=network.state_dict()), tmp_path / 'network.pth')
    supernet = from_model(model, tmp_path / 'network.pth', kernel=(1, 3), divisor=4)
    before, sorted_ = network.state_dict(), supernet.state_dict()
    assert list(before) == list(sorted_)
    assert any(not torch.equal(before[name], sorted_[name]) for name in before)
    whole = run(network)
    torch.testing.assert_close(run(supernet), whole, rtol=0, atol=1e-9 * float(whole.abs().max()))
    space, counter = supernet.space, PrunedModelCounter(model)
    rng = np.random.default_rng(0)
    archs = [*space.extremes(), space.sample(rng), space.sample(rng)]
    macs = []
    for arch in archs:
        supernet.set_arch(arch)
        config, state, genotype = supernet.extract(arch)
        derived = build(config).eval()
        derived.load_state_dict(state, strict=True)
        ours = run(supernet)
        assert torch.equal(ours, run(derived))
        assert (ours[0] - ours[1]).abs().max() > 1e-6 * ours.abs().max()
        assert space.from_genotype(Genotype.from_dict(genotype.to_dict())) == arch
        macs.append(counter(genotype, CONTEXT).macs)
        operations = list_operations(genotype, CONTEXT)
        assert sum(operation.macs for operation in operations) == macs[-1]
        assert all(min(o.in_channels, o.out_channels, *o.output_size) > 0 for o in operations)
    assert macs[0] < min(macs[2:]) < max(macs[2:]) < macs[1]
    exact = NetworkCounter(dict(model, type='TopdownPoseEstimator'))(genotype, CONTEXT)
    assert (counter(genotype, CONTEXT).params, macs[-1]) == (exact.params, exact.macs)
    fuse(derived)
    torch.testing.assert_close(run(derived), ours, rtol=0, atol=1e-9 * float(ours.abs().max()))
    assert [graph.title for graph in make_graphs(genotype)] == [genotype.name]
