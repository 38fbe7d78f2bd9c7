"""Neural fabrics as space and as supernet."""

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from registry_cases import FABRIC, TINY_FABRICS, pose_samples

from posenas.models.layers.mixing_weights import mixing_weights
from posenas.registry import MODELS
from posenas.search import CNFSpace
from posenas.search.gradient import first_order, model_loss, second_order, sgd_steps
from posenas.search.space import Arch
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

#: Normalisation, whether cells share the weights of operators, hidden states.
KINDS = [('softmax', True, 1), ('sparsemax', True, 1), ('sparsemax', False, 2)]
every_kind = pytest.mark.parametrize('kind', KINDS, ids=str)


def build(kind=KINDS[0], **options):
    normalise, share_alpha, hidden_states = kind
    own = dict(normalise=normalise, share_alpha=share_alpha, hidden_states=hidden_states)
    cfg = deepcopy(TINY_FABRICS)
    cfg['backbone']['fabric'] |= dict(own, share_alpha=True)
    cfg['head']['fabric'] = FABRIC | own
    torch.manual_seed(0)
    return MODELS.build(dict(cfg, type='CNFSupernet', **options))


def images(size=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 3, 64, 48, generator=generator)


def batch(seed=0):
    return dict(inputs=images(seed=seed), data_samples=pose_samples())


@torch.no_grad()
def run(network):
    return network.eval()(images())


@every_kind
def test_a_network_cut_out_computes_what_the_supernet_does(kind):
    supernet = build(kind)
    supernet.train()(images(seed=1))
    relaxed = run(supernet)
    rng = np.random.default_rng(0)
    for _ in range(3):
        arch = supernet.space.sample(rng)
        assert supernet.space.contains(arch) is None
        before = supernet.read_arch()
        config, state, genotype = supernet.extract(arch)
        assert supernet.read_arch() == before
        assert config['type'] == 'TopdownPoseEstimator'
        assert genotype.id == supernet.space.to_genotype(arch).id
        derived = MODELS.build(config)
        derived.load_state_dict(state, strict=True)
        supernet.set_arch(arch)
        wanted = run(supernet)
        supernet.set_arch(None)
        assert torch.allclose(run(derived), wanted, atol=1e-6)
        assert not torch.equal(wanted, relaxed)
    assert torch.equal(run(supernet), relaxed)


def test_statistics_can_be_replaced_in_a_network_cut_out():
    supernet = build()
    supernet.train()(images(seed=1))
    name = 'backbone.stem.1.running_mean'
    given = {name: torch.full((64,), 0.5)}
    _, state, _ = supernet.extract(supernet.read_arch(), given)
    assert torch.equal(state[name], given[name])


@every_kind
def test_an_architecture_survives_its_genotype(kind):
    space = build(kind).space
    for seed in range(5):
        arch = space.sample(np.random.default_rng(seed))
        genotype = space.to_genotype(arch)
        again = space.from_genotype(genotype)
        assert space.contains(again) is None
        twin = space.to_genotype(again)
        assert twin.cells.keys() == genotype.cells.keys()
        for name, cell in genotype.cells.items():
            for slot, other in zip(cell.inputs, twin.cells[name].inputs, strict=True):
                assert (slot.slot, slot.source) == (other.slot, other.source)
                assert slot.weight == pytest.approx(other.weight, rel=1e-4)
            for edge, other in zip(cell.edges, twin.cells[name].edges, strict=True):
                assert edge.weights == pytest.approx(other.weights, rel=1e-4)


def test_moves_stay_in_the_space_and_change_the_architecture():
    space = build().space
    rng = np.random.default_rng(0)
    first, second = space.sample(rng), space.sample(rng)
    for arch in (space.mutate(first, 0.2, rng), space.crossover(first, second, rng)):
        assert space.contains(arch) is None
    assert space.mutate(first, 0.2, rng) != first
    assert space.distance(first, first) == 0 < space.distance(first, second)


def test_genotypes_of_other_fabrics_are_refused():
    space = build().space
    genotype = space.to_genotype(space.sample(np.random.default_rng(0)))
    with pytest.raises(ConfigError, match='hidden_states'):
        build(KINDS[2]).space.from_genotype(genotype)


def test_expected_operations_are_those_of_what_is_left():
    supernet = build(KINDS[1])
    whole = profile_model(supernet, images(1)).macs
    values = {}
    for decision in supernet.space.decisions:  # skip_connect alone, and the map of the same scale
        rows = np.zeros(decision.shape)
        rows[..., 1 if decision.name.endswith('alphas') else 0] = 5
        values[decision.name] = rows.ravel().tolist()
    supernet.set_arch(Arch(values))
    expected = supernet.expected_macs((48, 64))
    one = build(KINDS[1])
    for module in one.modules():  # what the weights leave of each cell, all cells still there
        if hasattr(module, 'propress_list'):
            for slot in ('1', '2'):
                module.propress_list.pop(slot)
            for edge in module.cell_arch:
                edge.ops.pop('2')
    assert expected.item() == profile_model(one, images(1)).macs < whole
    expected.backward()
    assert all(p.grad is not None for p in supernet.arch_parameters().values())


@pytest.mark.parametrize(('search_alpha', 'search_beta'), [(True, False), (False, True)])
def test_switches_choose_what_is_searched(search_alpha, search_beta):
    supernet = build(search_alpha=search_alpha, search_beta=search_beta)
    for name, parameter in supernet.arch_parameters().items():
        assert parameter.requires_grad == (search_alpha if 'alphas' in name else search_beta)


@pytest.mark.parametrize('searched', ['alphas', 'betas'])
def test_random_architectures_leave_what_is_not_searched(searched):
    supernet = build(**{f'search_{name[:-1]}': name == searched for name in ('alphas', 'betas')})
    before = supernet.read_arch()
    rng = np.random.default_rng(0)
    for arch in (supernet.sample_arch(rng), supernet.sample_published(2)):
        changed = {name for name in before if arch[name] != before[name]}
        assert changed == {name for name in before if name.endswith(searched)}


@pytest.mark.parametrize('seed', [2, 7])
def test_published_draws_are_the_recorded_ones(seed):
    path = Path(__file__).parents[2] / 'golden' / 'pnfs' / 'pipeline' / 'expected.json'
    recorded = json.loads(path.read_text())['random_search_arch'][str(seed)]
    fabric = dict(depth=6, cut_layers=3, operators=['skip_connect', 'Sep_Conv_3x3', 'Atr_Conv_3x3'])
    space = CNFSpace(fabric, dict(type='BodyParts', dataset='coco', num_parts=3))
    arch = space.draw_published(seed, recorded)
    assert list(arch) == list(recorded)
    for name, values in recorded.items():
        assert np.array_equal(arch[name], np.ravel(values)), name


def test_a_search_step_changes_neither_weights_nor_statistics():
    # The published unrolled step writes a stepped backbone over the real one, and decays and moves
    # the architecture together with the weights.
    supernet = build().train()
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    arch = supernet.arch_parameters()
    weights = {n: p for n, p in supernet.named_parameters() if n not in arch}
    losses = model_loss(supernet, batch(0)), model_loss(supernet, batch(1))
    for epsilon in (None, 0.01):
        second_order(*losses, weights, arch, sgd_steps(0.1), epsilon)
    first_order(losses[1], weights, arch)
    assert all(torch.equal(value, before[n]) for n, value in supernet.state_dict().items())
    assert all(parameter.grad is None for parameter in supernet.parameters())


def test_random_architectures_reach_backbones_of_fabrics_and_weights_of_every_cell():
    # Published: an error with such a backbone, and the wrong shape for weights of every cell.
    supernet = build(KINDS[2])
    arch = supernet.space.sample(np.random.default_rng(1))
    supernet.set_arch(arch)
    assert supernet.read_arch().keys() == arch.keys()
    parameters = supernet.arch_parameters()
    assert any(name.startswith('backbone.') for name in parameters)
    for name, weights in supernet.arch_weights().items():
        assert torch.equal(weights, mixing_weights(parameters[name], 'sparsemax'))
    assert torch.isfinite(run(supernet)).all()


def test_networks_that_cannot_be_searched_are_refused():
    supernet = build()
    config, _, _ = supernet.extract(supernet.read_arch())
    with pytest.raises(ConfigError, match='CNFHead'):
        MODELS.build(dict(config, type='CNFSupernet'))
