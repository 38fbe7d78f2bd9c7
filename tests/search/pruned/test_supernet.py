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
    Counts,
    PrunedModelCounter,
    PrunedModelSpace,
    from_model,
    list_operations,
)
from posenas.search.latency.measure import make_operation, measure_networks
from posenas.search.pruned.sorting import sort_channels
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

CONTEXT = CostContext((64, 64), 5)
DECONV = dict(
    type='HeatmapHead', out_channels=5, deconv_out_channels=(6,), deconv_kernel_sizes=(3,)
)
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
    mobilenet_v2=with_deconv(16, type='MobileNetV2', widen_factor=0.25, out_indices=(3,)),
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
    macs = []
    for arch in (space.extremes()[0], space.sample(rng)):
        supernet.set_arch(arch)
        config, state, genotype = supernet.extract(arch)
        derived = build(config).eval()
        derived.load_state_dict(state, strict=True)
        ours = run(supernet)
        assert torch.equal(ours, run(derived))
        assert (ours[0] - ours[1]).abs().max() > 1e-8 * ours.abs().max()  # images matter
        assert space.from_genotype(Genotype.from_dict(genotype.to_dict())) == arch
        macs.append(counter(genotype, CONTEXT).macs)
        operations = list_operations(genotype, CONTEXT)
        assert sum(operation.macs for operation in operations) == macs[-1]
        assert all(min(o.in_channels, o.out_channels, *o.output_size) > 0 for o in operations)
    assert macs[0] < macs[1] < counter(space.to_genotype(space.extremes()[1]), CONTEXT).macs
    exact = profile_model(derived, noise(1, 3, 64, 64))
    assert counter(genotype, CONTEXT) == Counts(exact.parameters, exact.macs)
    fuse(derived)
    torch.testing.assert_close(run(derived), ours, rtol=0, atol=1e-9 * float(ours.abs().max()))
    assert [graph.title for graph in make_graphs(genotype)] == [genotype.name]


@pytest.mark.parametrize(
    ('wrong', 'said'),
    [
        (dict(backbone=dict(type='DiteHRNet', extra=DITE_EXTRA)), 'backbone.type .* DiteHRNet'),
        (dict(backbone=dict(type='LiteHRNet', extra=LITE_EXTRA)), 'backbone.type .* LiteHRNet'),
        (dict(backbone=dict(type='CSPNeXt')), 'backbone.type .* CSPNeXt'),
        (dict(backbone=dict(type='ShuffleNetV2')), 'backbone.type .* ShuffleNetV2'),
        (dict(backbone=dict(type='CNFBackbone')), 'backbone.type .* CNFBackbone'),
        (dict(head=dict(type='RTMCCHead')), 'head.type .* RTMCCHead'),
        (dict(head=None), 'head.type .* None'),
        (dict(neck=dict(type='PartReduceNeck')), 'no neck .* PartReduceNeck'),
        (dict(type='VideoPoseEstimator'), 'TopdownPoseEstimator .* VideoPoseEstimator'),
        (dict(pruning=dict(skipped=['backbone.layer1.1'])), 'not be pruned yet'),
        (dict(type='EdgeSupernet'), 'TopdownPoseEstimator .* EdgeSupernet'),
    ],
)
def test_networks_that_cannot_be_pruned_are_refused_by_name(wrong, said):
    with pytest.raises(ConfigError, match=said):
        from_model({**QUICK['resnet'], **wrong})


def test_options_that_cannot_be_are_refused():
    for wrong, said in (
        (dict(width=(0.0, 1.0)), 'width must hold shares'),
        (dict(depth=(2,)), 'depth must hold shares'),
        (dict(kernel=(4,)), 'kernel must hold odd sides'),
        (dict(divisor=0), 'divisor must be at least 1'),
    ):
        with pytest.raises(ConfigError, match=said):
            PrunedModelSpace(QUICK['resnet'], **wrong)


TINY = dict(
    backbone=dict(type='ResNet', depth=18, stem_channels=8, base_channels=8, num_stages=1),
    head=dict(DECONV, in_channels=8),
)
TINY['backbone']['out_indices'] = (0,)


def test_decisions_are_those_of_the_network():
    space = PrunedModelSpace(TINY, width=(0.25, 0.5), kernel=(1, 5), divisor=2)
    options = {decision.name: decision.options for decision in space.decisions}
    assert options == {
        'backbone.layer1.0.depth': (1, 2),
        'backbone.conv1.width': (2, 4, 8),  # added to what the blocks make
        'backbone.layer1.0.conv1.width': (2, 4, 8),
        'backbone.layer1.1.conv1.width': (2, 4, 8),
        'head.deconv_layers.0.width': (2, 4, 6),
        'backbone.conv1.kernel': (1, 5, 7),
        **{
            f'backbone.layer1.{block}.conv{conv}.kernel': (1, 3)
            for block in (0, 1)
            for conv in (1, 2)
        },
    }
    small = space.to_genotype(space.extremes()[0])
    assert small.choices['skipped'] == ['backbone.layer1.1']
    assert small.choices['layers']['backbone.conv1'] == dict(out_channels=2, kernel_size=1)
    assert small.choices['layers']['head.final_layer'] == dict(in_channels=2)
    inside = {'backbone.layer1.0.depth': 1, 'backbone.layer1.1.conv1.width': 8}
    assert 'be repaired' in space.contains(space.extremes()[1] | inside)


def test_genotypes_of_other_networks_or_widths_do_not_lie_in_a_space():
    space = PrunedModelSpace(TINY, divisor=2)
    small = space.to_genotype(space.extremes()[0]).to_dict()
    for change, said in (
        (lambda data: data['macro']['backbone'].update(base_channels=16), 'form of the network'),
        (lambda data: data['choices']['layers'].pop('backbone.bn1'), 'widths of the space'),
        (lambda data: data['choices']['layers']['backbone.conv1'].update(out_channels=3), 'one of'),
    ):
        data = deepcopy(small)
        change(data)
        genotype = Genotype.from_dict(data)
        with pytest.raises(ConfigError, match=said):
            space.from_genotype(genotype)
        assert space.to_genotype(space.extremes()[0]).id != genotype.id
    data['choices']['layers']['backbone.conv1']['out_channels'] = 0
    with pytest.raises(ConfigError, match='must be an integer'):
        Genotype.from_dict(data)


def test_the_most_important_channels_are_kept():
    supernet = from_model(TINY, divisor=2)
    with torch.no_grad():
        for parameter in supernet.backbone.layer1[0].conv1.parameters():
            parameter.copy_(torch.arange(8.0).view(-1, 1, 1, 1).expand_as(parameter))
        norm = supernet.backbone.layer1[0].bn1
        norm.weight.copy_(torch.tensor([1.0, 1, 1, 9, 1, 1, 1, 1]))
    sort_channels(supernet, supernet.space.structure)
    assert supernet.backbone.layer1[0].conv1.weight[:, 0, 0, 0].tolist() == [3, 7, 6, 5, 4, 2, 1, 0]
    assert norm.weight.tolist() == [9, 1, 1, 1, 1, 1, 1, 1]


def test_pruned_sizes_must_be_those_of_layers():
    for wrong, said in (
        (dict(layers={'backbone.conv9': dict(out_channels=4)}), 'there is no'),
        (dict(layers={'backbone.relu': dict(out_channels=4)}), 'is a ReLU'),
        (dict(layers={'backbone.bn1': dict(out_channels=4)}), 'is a BatchNorm2d'),
        (dict(skipped=['backbone.layer9']), 'there is no'),
    ):
        with pytest.raises(ConfigError, match=said):
            build(dict(TINY, pruning=wrong))


@pytest.mark.parametrize('name', ['vipnas', pytest.param('posenas', marks=pytest.mark.slow)])
def test_a_step_moves_the_active_part_as_it_moves_the_derived_network(name):
    supernet = from_model(QUICK[name], kernel=(1, 3), divisor=4)
    draw_settled_weights(supernet, noise(2, 3, 64, 64))
    before = deepcopy(supernet)
    arch = supernet.space.extremes()[0]
    derived = build(supernet.extract(arch)[0])
    derived.load_state_dict(supernet.extract(arch)[1])
    supernet.set_arch(arch)
    for network in (supernet, derived):
        outputs = list_stages(network.train()(noise(4, 3, 64, 64, seed=2)))
        sum(output.square().sum() for output in outputs).backward()
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.grad is not None:
                    parameter -= 1e-4 * parameter.grad
    moved, wanted = supernet.extract(arch)[1], derived.state_dict()
    kept = before.extract(arch)[1]
    assert any(not torch.equal(kept[key], wanted[key]) for key in wanted)
    torch.testing.assert_close(moved, wanted, rtol=1e-9, atol=1e-12)
    pairs = zip(before.parameters(), supernet.parameters(), strict=True)
    changed = sum(int((old != new).sum()) for old, new in pairs)
    assert changed <= sum(parameter.numel() for parameter in derived.parameters())


def test_every_operation_can_be_run_and_networks_be_timed():
    for name in ('hourglass', 'mobilenet_v3'):
        genotype = (space := PrunedModelSpace(QUICK[name])).to_genotype(space.extremes()[0])
        kinds = {(o.kind, o.act, o.stride): o for o in list_operations(genotype, CONTEXT)}
        assert {'conv', 'pool' if name == 'hourglass' else 'deconv', 'add'} <= {k[0] for k in kinds}
        for operation in kinds.values():
            module, x = make_operation(operation)
            assert module(x).shape == (1, operation.out_channels, *operation.output_size[::-1])
    assert (measure_networks([genotype], CONTEXT, 1) > 0).all()
