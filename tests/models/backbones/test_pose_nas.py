"""The PoseNAS backbone beside what the recordings show."""

import json
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from registry_cases import TINY_POSENAS, TINY_REFINE
from torch import nn

from posenas.genotype import (
    POSENAS_OPERATIONS,
    UNSTRIDED_OPERATIONS,
    Cell,
    Genotype,
    load_genotype,
)
from posenas.genotype.posenas.plan import plan_cells
from posenas.genotype.posenas.released import make_released_genotype
from posenas.models import PoseNAS
from posenas.models.backbones.pose_nas_backbone import run_as_twice
from posenas.models.fused import fuse
from posenas.models.layers.posenas.operations import make_relu_conv_bn
from posenas.utils import ConfigError


@pytest.fixture
def released(golden_dir):
    return json.loads((golden_dir / 'posenas' / 'genotype_released.json').read_text())


def make_tiny(**cfg):
    """One cell of each size, with weights and statistics away from their start."""
    torch.manual_seed(0)
    network = PoseNAS(**{**TINY_POSENAS, 'refine': TINY_REFINE, **cfg})
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    with torch.no_grad():
        network.train()(torch.randn(2, 3, 64, 64))
    return network.eval()


def see_inputs(network):
    """Run the network and return the inputs of both stages and the features of the encoder."""
    seen = {}
    for name in ('stage1', 'stage2'):
        stage = getattr(network, name)
        stage.register_forward_pre_hook(lambda m, args, name=name: seen.update({name: args[0]}))
        stage.register_forward_hook(lambda m, a, out, name=name: seen.update({f'{name} out': out}))
    with torch.no_grad():
        network(torch.randn(1, 3, 64, 64))
    return seen


def test_the_default_is_the_published_genotype(golden_dir):
    published = load_genotype(golden_dir / 'posenas' / 'genotype_released.json')
    assert make_released_genotype().id == published.id
    assert make_released_genotype().cells == published.cells


@pytest.mark.parametrize(
    ('fusion', 'weights'), [('released', (0, 2)), ('intended', (1, 1))], ids=lambda v: str(v)
)
def test_the_second_stage_reads_the_sum_that_the_fusion_says(fusion, weights):
    network = make_tiny(fusion=fusion)
    for k in range(4):
        nn.init.zeros_(getattr(network, f'reduce_channel{k}')[2].weight)
        nn.init.zeros_(getattr(network, f'reduce_channel{k}')[2].bias)
    seen = see_inputs(network)
    features, fused, inputs = seen['stage1'], seen['stage1 out'], seen['stage2']
    for h, f, d in zip(inputs, features, fused, strict=False):
        torch.testing.assert_close(h, weights[0] * f + weights[1] * d)
    assert torch.equal(inputs[3], features[3])
    assert (fused[0] >= 0).all()


def test_the_second_round_of_the_intended_fusion_sees_the_encoder():
    network = make_tiny(fusion='intended')
    seen = {}
    network.refine_cells[0].register_forward_pre_hook(lambda m, args: seen.update(inputs=args))
    stages = see_inputs(network)
    project = network.reduce_channel_prev
    with torch.no_grad():
        p, q = project(stages['stage1 out'][0]), project(stages['stage1'][0])
    torch.testing.assert_close(seen['inputs'], (p, p + q))


def test_both_fusions_have_the_same_weights():
    released, intended = make_tiny(), make_tiny(fusion='intended')
    assert list(released.state_dict()) == list(intended.state_dict())


@pytest.mark.parametrize('momentum', [0.1, 1.0, None])
def test_running_once_counts_as_twice(momentum):
    torch.manual_seed(0)
    once = make_relu_conv_bn(4, 6).double()
    once[2].momentum = momentum
    once(torch.randn(2, 4, 5, 5).double())
    twice = deepcopy(once)
    x = torch.randn(3, 4, 5, 5).double()
    output = run_as_twice(once, x)
    assert torch.equal(output, twice(x))
    twice(x)
    torch.testing.assert_close(once.state_dict(), twice.state_dict(), rtol=1e-12, atol=0)
    assert once[2].momentum == momentum
    before = deepcopy(once.state_dict())
    run_as_twice(once.eval(), x)
    torch.testing.assert_close(once.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize('num_stages', [1, 2])
def test_recomputing_cells_changes_nothing(num_stages):
    plain = make_tiny(num_stages=num_stages).double().train()
    saving = deepcopy(plain)
    saving.with_cp = True
    x = torch.randn(2, 3, 64, 64).double()
    results = []
    for network in (plain, saving):
        sum(feature.square().mean() for feature in network(x)).backward()
        results.append([p.grad for p in network.parameters()])
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(plain.state_dict(), saving.state_dict())


def test_dropped_paths_leave_evaluation_alone():
    plain, dropping = make_tiny(), make_tiny(drop_path=0.5)
    dropping.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(plain(x)[1], dropping(x)[1])
        assert not torch.equal(dropping.train()(x)[1], dropping(x)[1])


def test_sizes_come_from_the_genotype_unless_given(released):
    released['macro'].update(layers=4, init_channels=8, reductions=[1, 2, 3], taps=[0, 1, 2, 3])
    released['macro']['se_ratio'] = 2
    released['macro']['refine'] = dict(TINY_REFINE)
    with torch.device('meta'):
        derived = PoseNAS(genotype=released)
        same = PoseNAS(**TINY_POSENAS, refine=TINY_REFINE, se_ratio=2)
        wider = PoseNAS(genotype=Genotype.from_dict(released), init_channels=16, num_stages=1)
    shapes = [{k: v.shape for k, v in n.state_dict().items()} for n in (derived, same)]
    assert shapes[0] == shapes[1]
    assert wider.plan.encoder == derived.plan.encoder
    assert (wider.feat_dim, wider.num_stages, wider.plan.se_ratio) == (32, 1, 2)
    assert not hasattr(wider, 'stage2')


def draw_cell(rng, kind):
    """Draw a graph of two to five nodes, any of which may go out."""
    num_nodes = int(rng.integers(2, 6))
    edges = []
    for k in range(2 * num_nodes):
        source = int(rng.integers(2 + k // 2))
        strided = kind == 'reduce' and source < 2
        legal = [o for o in POSENAS_OPERATIONS[1:] if not strided or o not in UNSTRIDED_OPERATIONS]
        edges.append((str(rng.choice(legal)), source))
    output = rng.choice(range(2, 2 + num_nodes), size=2, replace=False)
    return Cell.from_tuples(kind, edges, sorted(map(int, output)))


@pytest.mark.parametrize('seed', range(4))
@torch.no_grad()
def test_any_genotype_makes_a_network_with_a_fused_form(seed, released):
    rng = np.random.default_rng(seed)
    cells = {name: draw_cell(rng, cell['kind']) for name, cell in released['cells'].items()}
    network = make_tiny(genotype=replace(make_released_genotype(), cells=cells)).double()
    x = torch.randn(2, 3, 64, 96).double()
    features = network(x)
    assert [feature.shape for feature in features] == [(2, 16, 16, 24)] * 2
    fuse(network)
    for ours, theirs in zip(network(x), features, strict=True):
        assert (ours - theirs).abs().max() <= 1e-9 * theirs.abs().max()


def test_published_depths_know_their_positions():
    assert plan_cells(18).reductions == (3, 8, 15)
    assert plan_cells(18).taps == (2, 7, 14, 17)
    assert plan_cells(12).reductions == (3, 6, 9)
    assert plan_cells(12).taps == (2, 5, 8, 11)
    assert plan_cells(10, (2, 4, 6)).taps == (1, 3, 5, 9)
    with torch.device('meta'):
        network = PoseNAS(layers=12, refine=dict(layers=18))
    assert network.plan.encoder == plan_cells(12)
    assert network.plan.refine == plan_cells(18)


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(layers=10), 'layers must be one of .12, 18. where reductions are not given, got 10'),
        (dict(layers=8, reductions=(1, 2)), 'reductions must name 3 cells'),
        (dict(layers=8, reductions=(2, 4, 9)), 'one tap before each reduction cell'),
        (dict(layers=8, reductions=(2, 4, 6), taps=(1, 3, 5, 6)), 'one after the last of 8'),
        (dict(refine=dict(layers=5)), 'got 5; give the cells'),
        (dict(refine=dict(depth=5)), "refine has unknown keys .'depth'."),
        (dict(init_channels=9), 'must be a multiple of the 4 nodes'),
        (dict(init_channels=0), 'init_channels must be greater than 0'),
        (dict(num_stages=3), 'num_stages must be one of'),
        (dict(fusion='both'), 'fusion must be one of'),
        (dict(drop_path=2), 'drop_path must lie in'),
    ],
)
def test_sizes_that_make_no_network_are_refused(cfg, message):
    with torch.device('meta'), pytest.raises(ValueError, match=message):
        PoseNAS(**cfg)


def test_a_genotype_that_makes_no_network_is_refused(released):
    without = dict(released, cells={k: v for k, v in released['cells'].items() if 'fuse3' not in k})
    unknown = dict(released, macro=dict(released['macro'], depth=3))
    shared = dict(released, macro=dict(released['macro'], share=dict(refine='own')))
    for genotype, message in (
        (without, 'have the cells .*decoder.fuse3'),
        (unknown, "macro has unknown keys .'depth'."),
        (shared, 'macro.share must be one of'),
        (dict(released, family='vipnas'), "must have 'choices'"),
    ):
        with pytest.raises(ValueError, match=message):
            PoseNAS(genotype=genotype)


@pytest.mark.parametrize('size', [(64, 48), (48, 64), (65, 64)])
def test_sides_must_be_multiples_of_32(size):
    with pytest.raises(ConfigError, match='multiples of 32'):
        make_tiny()(torch.zeros(1, 3, *size))


def test_training_starts_as_published():
    network = PoseNAS(**TINY_POSENAS, refine=TINY_REFINE)
    network.init_weights()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.abs().max() < 0.01
            assert module.bias is None or not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert not module.bias.any()


def test_a_fusion_cell_reads_the_maps_that_the_genotype_names():
    genotype = make_released_genotype()
    sources = [[3, 0], [3, 1], [2, 0]]
    macro = {**genotype.macro, 'sources': sources}
    network = make_tiny(genotype=replace(genotype, macro=macro))
    shapes = []
    for cell in network.stage2.upsamples:
        cell.register_forward_pre_hook(lambda m, args: shapes.append([x.shape[-1] for x in args]))
    x = torch.randn(2, 3, 64, 64)
    assert [d.shape[-1] for d in network(x)] == [16, 16]
    assert shapes == [[2, 16], [2, 8], [4, 16]]
    assert make_released_genotype().id != replace(genotype, macro=macro).id


@pytest.mark.parametrize('sources', [[[3, 2], [2, 1]], [[3, 2], [1, 1], [1, 0]], [[3, 3]] * 3])
def test_sources_that_cannot_be_are_refused(sources):
    genotype = make_released_genotype()
    with pytest.raises(ConfigError, match=r'macro\.sources must give'):
        PoseNAS(genotype=replace(genotype, macro={**genotype.macro, 'sources': sources}))


def test_sources_as_published_are_the_default():
    genotype = make_released_genotype()
    macro = {**genotype.macro, 'sources': [[3, 2], [2, 1], [1, 0]]}
    plain, given = make_tiny(), make_tiny(genotype=replace(genotype, macro=macro))
    assert list(plain.state_dict()) == list(given.state_dict())
