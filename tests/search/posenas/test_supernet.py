"""The PoseNAS supernet against the networks it stands for."""

import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from registry_cases import TINY_POSENAS, TINY_REFINE
from torch import nn

from posenas.genotype import POSENAS_OPERATIONS
from posenas.genotype.posenas.released import make_released_genotype
from posenas.models.layers import MixedOp
from posenas.models.layers.posenas.operations import ZeroConnect
from posenas.registry import MODELS
from posenas.search import CostContext, PoseNASCounter
from posenas.search.space import Arch
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

SIZE = 64
ALL = dict(encoder_ops=POSENAS_OPERATIONS, decoder_ops=POSENAS_OPERATIONS)
#: A few of the candidates, where a test does not depend on which.
FEW = dict.fromkeys(('encoder_ops', 'decoder_ops'), ('none', 'skip_connect', 'std_conv_3x3'))
SMALL = dict(dense_fusion=True, num_stages=1, **FEW)
VARIANTS = dict(
    two_stages={},
    dense=dict(dense_fusion=True),
    few=SMALL,
    every_operation=dict(num_stages=1, strided_attention=True, **ALL),
    intended=dict(fusion='intended', se_ratio=2),
)
each_cost = pytest.mark.parametrize(
    'variant',
    [pytest.param(v, marks=() if k == 'few' else pytest.mark.slow) for k, v in VARIANTS.items()],
    ids=VARIANTS,
)
each_variant = pytest.mark.parametrize(
    'variant',
    [
        pytest.param(v, marks=() if k in ('two_stages', 'dense') else pytest.mark.slow, id=k)
        for k, v in VARIANTS.items()
        if k != 'few'
    ],
)


def make_supernet(**cfg):
    """Four cells of eight channels, with weights and statistics away from their start."""
    torch.manual_seed(0)
    backbone = dict(TINY_POSENAS, type='PoseNASSearchBackbone', refine=TINY_REFINE, **cfg)
    stages = cfg.get('num_stages', 2)
    head = dict(type='PoseNASHead', in_channels=16, out_channels=5, num_stages=stages)
    supernet = MODELS.build(dict(type='PoseNASSupernet', backbone=backbone, head=head))
    for name, parameter in supernet.named_parameters():
        if '.arch.' not in name:
            nn.init.normal_(parameter, std=0.3)
    return supernet


def draw_images(seed=0):
    return torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def sample(supernet, seed=0):
    return supernet.space.sample(np.random.default_rng(seed))


@torch.no_grad()
def settle(supernet, arch):
    """Let batch norms average what the network of ``arch`` does."""
    supernet.set_arch(arch)
    for norm in supernet.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 1.0
    supernet.train()(draw_images())
    supernet.set_arch(None)
    return supernet.eval()


@torch.no_grad()
def make_one_hot(supernet, arch):
    """Set architecture parameters of +-1e4 that leave the network of ``arch``."""
    for parameter in supernet.arch_parameters().values():
        parameter.fill_(-1e4)
    parameters = supernet.backbone.arch
    for group in supernet.space.groups:
        for i, (node, source) in enumerate(group.edges):
            sources = arch[f'{group.name}.{node}.sources'].split(',')
            if str(source) in sources:
                end = ('first', 'second')[sources.index(str(source))]
                column = group.operations.index(arch[f'{group.name}.{node}.{end}'])
                parameters.alpha[group.key][i, column] = parameters.beta[group.key][i] = 1e4
            else:
                parameters.alpha[group.key][i, 0] = 1e4
        if supernet.space.dense_fusion and group.kind == 'fusion':
            levels = supernet.space.source_levels(int(group.key[-1]))
            for end, options in zip(('coarse', 'lateral'), levels, strict=True):
                chosen = options.index(arch[f'{group.name}.{end}'])
                parameters.gamma[f'{group.key}_{end}'][chosen] = 1e4


def derive(supernet, arch):
    cfg, state, genotype = supernet.extract(arch)
    network = MODELS.build(deepcopy(cfg))
    network.load_state_dict(state, strict=True)
    return network.eval(), genotype


def largest_gap(ours, theirs):
    return float((ours - theirs).abs().max() / theirs.abs().max())


@each_variant
@torch.no_grad()
def test_one_hot_parameters_leave_the_derived_network(variant):
    supernet, images = make_supernet(**variant), draw_images(1)
    arch = sample(supernet)
    network, genotype = derive(settle(supernet, arch), arch)
    wanted = network(images)[-1]
    make_one_hot(supernet, arch)
    assert largest_gap(supernet(images)[-1], wanted) <= 1e-5
    assert supernet.read_arch() == arch
    supernet.set_arch(arch)
    assert torch.equal(supernet(images)[-1], wanted)
    assert supernet.space.to_genotype(arch).id == genotype.id


@each_cost
def test_the_expected_cost_of_one_network_is_its_cost(variant):
    supernet = make_supernet(**variant)
    arch = sample(supernet, 3)
    make_one_hot(supernet, arch)
    network, _ = derive(supernet, arch)
    with torch.device('meta'):
        cost = profile_model(network.to('meta'), torch.empty(1, 3, SIZE, SIZE))
    assert float(supernet.expected_macs((SIZE, SIZE)).detach()) == cost.macs
    counter = PoseNASCounter(supernet._cfg)
    counts = counter(supernet.space.to_genotype(arch), CostContext((SIZE, SIZE), 5))
    assert (counts.params, counts.macs) == (cost.parameters, cost.macs)


def test_networks_of_other_sizes_are_not_counted():
    supernet = make_supernet(**SMALL)
    counter = PoseNASCounter(supernet._cfg)
    context = CostContext((SIZE, SIZE), 5)
    with pytest.raises(ConfigError, match='must have the sizes'):
        counter(make_released_genotype(), context)
    genotype = supernet.space.to_genotype(sample(supernet))
    with pytest.raises(
        ConfigError, match='num_keypoints must equal the keypoints of the counted head, 5'
    ):
        counter(genotype, replace(context, num_keypoints=17))


@pytest.mark.slow
def test_the_cost_counts_the_channels_of_the_derived_network():
    whole, part = make_supernet(num_stages=1), make_supernet(num_stages=1, partial_k=2)
    part.backbone.arch.load_state_dict(whole.backbone.arch.state_dict())
    costs = [float(net.expected_macs((SIZE, SIZE)).detach()) for net in (whole, part)]
    assert costs[0] == costs[1]
    assert part.expected_macs((SIZE, SIZE)).requires_grad


@pytest.mark.slow
def test_the_formulas_of_the_operations():
    supernet = make_supernet(num_stages=1, layers=4, **ALL)
    supernet.expected_macs((SIZE, SIZE))
    table = supernet._tables[SIZE, SIZE].operations['fuse3'][0]
    c, area = 4, (SIZE // 4) ** 2  # fuse3 makes 16 channels of stride 4
    formulas = dict(
        none=0,
        avg_pool_3x3=0,
        skip_connect=0,
        std_conv_1x1=c * c * area,
        std_conv_3x3=9 * c * c * area,
        dil_conv_3x3_2=9 * c * c * area,
        se_connect=2 * c * c,
        spatial_wise=c * area,
        dw_conv_7x7=(49 * c + c * c) * area,
        grp_conv_3x3=9 * c * c // 4 * area,
    )
    assert {name: int(table[POSENAS_OPERATIONS.index(name)]) for name in formulas} == formulas


ALONE = """
import json, sys, torch
sys.modules['posenas.search'] = None  # a derived network is plain
folder = sys.argv[1]
import posenas.models
from posenas.registry import MODELS
cfg = json.load(open(folder + '/network.json'))
network = MODELS.build(cfg)
network.load_state_dict(torch.load(folder + '/weights.pth'), strict=True)
with torch.no_grad():
    torch.save(network.eval()(torch.load(folder + '/images.pth'))[-1], folder + '/maps.pth')
"""


@torch.no_grad()
def test_the_derived_network_is_built_from_json_in_a_process_without_search(tmp_path):
    supernet, images = make_supernet(**SMALL), draw_images(1)
    arch = sample(supernet, 5)
    make_one_hot(settle(supernet, arch), arch)
    cfg, state, _ = supernet.extract(arch)
    (tmp_path / 'network.json').write_text(json.dumps(cfg))
    torch.save(state, tmp_path / 'weights.pth')
    torch.save(images, tmp_path / 'images.pth')
    subprocess.run([sys.executable, '-c', ALONE, str(tmp_path)], check=True)
    assert largest_gap(torch.load(tmp_path / 'maps.pth'), supernet(images)[-1]) <= 1e-5


def count_calls(supernet):
    """Return a dict that fills with how often each edge runs an operation."""
    calls = {}
    for name, edge in supernet.named_modules():
        if isinstance(edge, MixedOp):
            calls[name] = 0
            for op in edge.ops.values():

                def count(module, args, output, name=name):
                    calls[name] += 1

                op.register_forward_hook(count)
    return calls


def test_gumbel_runs_exactly_one_operation_per_edge():
    supernet = make_supernet(relax='gumbel').train()
    calls = count_calls(supernet)
    supernet.draw(torch.Generator().manual_seed(0), 5.0)
    maps = supernet(draw_images())
    assert calls
    assert set(calls.values()) == {1}
    sum(m.square().mean() for m in maps).backward()
    alphas = {n: p.grad for n, p in supernet.arch_parameters().items() if '.alpha.' in n}
    for gradient in alphas.values():
        assert gradient.isfinite().all()
        assert gradient.abs().sum() > 0


def test_gumbel_draws_are_a_function_of_the_generator():
    supernet, images = make_supernet(relax='gumbel').train(), draw_images()
    outputs = []
    for seed in (0, 0, 1):
        supernet.draw(torch.Generator().manual_seed(seed), 1.0)
        outputs.append(supernet(images)[-1])
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])
    supernet.eval()
    assert torch.equal(supernet(images)[-1], supernet(images)[-1])


def test_each_operation_is_drawn_as_often_as_its_probability_says():
    supernet = make_supernet(relax='gumbel', num_stages=1).train()
    group = supernet.space.groups[0]
    nn.init.normal_(supernet.backbone.arch.alpha['normal'])
    generator, counts = torch.Generator().manual_seed(0), torch.zeros(8)
    for _ in range(2000):
        supernet.draw(generator, 1.0)
        counts[supernet.backbone.make_mix(group).columns[0][0]] += 1
    wanted = supernet.backbone.weights_of(group)[0].detach()
    assert (counts / 2000 - wanted).abs().max() < 0.04


def test_full_relaxation_runs_all_operations_but_zeros():
    supernet = make_supernet(num_stages=1).train()
    calls = count_calls(supernet)
    supernet(draw_images())
    edges = {n: m for n, m in supernet.named_modules() if isinstance(m, MixedOp)}
    for name, edge in edges.items():
        assert calls[name] == sum(not isinstance(op, ZeroConnect) for op in edge.ops.values())


@pytest.mark.parametrize('stride', [1, 2])
def test_partial_channels_pass_by_untouched_up_to_the_shuffle(stride):
    edge = MixedOp({0: nn.Conv2d(2, 2, 3, stride, 1)}, stride, num_shares=4)
    x = torch.randn(2, 8, 6, 6)
    y = edge(x, torch.ones(1))
    unshuffled = y.view(2, 2, 4, *y.shape[2:]).transpose(1, 2).flatten(1, 2)
    rest = x[:, 2:]
    wanted = rest if stride == 1 else nn.functional.max_pool2d(rest, 2)
    assert torch.equal(unshuffled[:, 2:], wanted)
    torch.testing.assert_close(unshuffled[:, :2], edge.ops['0'](x[:, :2]))


def test_partial_channels_train_and_need_edge_weights():
    supernet = make_supernet(partial_k=2, num_stages=1).train()
    sum(m.sum() for m in supernet(draw_images())).backward()
    assert all(p.grad is not None for p in supernet.arch_parameters().values())
    _, state, _ = supernet.extract(sample(supernet))
    assert all(value.isfinite().all() for value in state.values())
    with pytest.raises(ConfigError, match='needs edge_norm=True'):
        make_supernet(partial_k=2, edge_norm=False)
    with torch.device('meta'):
        make_supernet(edge_norm=False, **SMALL)  # all channels: nothing to weigh against
    with pytest.raises(ConfigError, match='must be a multiple of partial_k'):
        make_supernet(partial_k=3)


def test_a_derived_network_starts_quiet_where_the_supernet_has_no_weights():
    supernet = make_supernet(partial_k=2, num_stages=1)
    _, state, _ = supernet.extract(sample(supernet))
    missing = {name: value for name, value in state.items() if '._ops.' in name}
    kernels = [value for value in missing.values() if value.ndim == 4 and value.shape[0] > 1]
    norms = [value for name, value in missing.items() if name.endswith('running_var')]
    assert len(kernels) > 5
    assert all(5e-4 < float(kernel.std()) < 2e-3 for kernel in kernels)
    assert all((variance == 1).all() for variance in norms)


def test_recomputing_cells_changes_no_gradient():
    plain = make_supernet(**SMALL).double().train()
    saving = deepcopy(plain)
    saving.backbone.with_cp = True
    gradients = []
    for supernet in (plain, saving):
        sum(m.square().mean() for m in supernet(draw_images().double())).backward()
        gradients.append({n: p.grad for n, p in supernet.arch_parameters().items()})
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=0)


def test_the_released_architecture_is_set_like_any_other():
    supernet = make_supernet()
    released = make_released_genotype()
    supernet.set_arch(supernet.space.from_genotype(released))
    genotype = supernet.extract(supernet.read_arch())[2]
    assert genotype.cells == released.cells
    with pytest.raises(ConfigError, match='must lie in the space'):
        supernet.set_arch(Arch({'encoder.normal.2.sources': '0,1'}))


def test_temperature_sharpens_what_is_run_and_not_what_is_read():
    supernet = make_supernet(num_stages=1)
    nn.init.normal_(supernet.backbone.arch.alpha['normal'])
    group, before = supernet.space.groups[0], supernet.read_strengths()
    largest = []
    for temperature in (1.0, 0.2):
        supernet.draw(torch.Generator(), temperature)
        largest.append(supernet.backbone.make_mix(group).operations.max(-1).values)
    assert (largest[1] > largest[0]).all()
    torch.testing.assert_close(supernet.read_strengths(), before, rtol=0, atol=0)
