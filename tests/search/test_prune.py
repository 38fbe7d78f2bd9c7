"""Lossless pruning of neural fabrics, on random and on recorded weights."""


import numpy as np
import pytest
import torch
from models.fabric_samples import EVERY_OPERATOR, stir

from posenas.registry import MODELS
from posenas.search.prune import (
    LOSSLESS,
    compare_outputs,
    prune_network,
)

#: Depth, first layer and levels handed in: growing, full and shrinking layers, aliased borders.
SHAPES = [(5, 2, 3), (6, 3, 4), (5, 3, 4), (4, 1, 2), (5, 1, 2), (5, 2, 4), (4, 2, 2)]
PARTS = dict(arms=[0, 3], legs=[2, 1, 3])


def make_config(shape, operators, hidden_states, share_alpha, cnf_backbone):
    """Write a network of two parts with as many levels as ``shape`` says."""
    depth, cut_layers, num_levels = shape
    fabric = dict(
        depth=depth,
        cut_layers=cut_layers,
        num_levels=num_levels,
        factor=1,
        operators=operators,
        hidden_states=hidden_states,
        share_alpha=share_alpha,
    )
    if cnf_backbone:  # layer 1 of a fabric has 3 cells, layer 2 has 4
        numbers = dict(depth=8, factor=2, operators=operators)
        backbone = dict(type='CNFBackbone', fabric=numbers, reserve_layers=num_levels - 1)
        channels = (8, 16, 32, 64)[:num_levels]
    else:
        widths = (2, 3, 4, 5, 6)
        backbone = dict(type='TinyConvNet', channels=widths, out_indices=range(1, num_levels + 1))
        channels = widths[1 : num_levels + 1]
    both = dict(fabric=fabric, parts=PARTS, strict_original=True)
    return dict(
        type='TopdownPoseEstimator',
        backbone=backbone,
        neck=dict(type='PartReduceNeck', in_channels=channels, **both),
        head=dict(type='CNFHead', representation=dict(type='ScalarRepresentation'), **both),
    )


def draw_weights(model, seed, share):
    """Take ``share`` of the mixing weights away, in random places."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in stir(model, seed).named_parameters():
        if name.endswith(('alphas', 'betas')):
            parameter.data[torch.rand(parameter.shape, generator=generator) < share] = -1000.0
    return model.eval()


def prune(model, config, **kwargs):
    pruned, state, genotype = prune_network(model, config, **kwargs)
    network = MODELS.build(pruned)
    network.load_state_dict(state)
    return network.eval(), pruned, genotype


def images():
    return [torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))]


def draw_network(rng):
    """Draw a config and a network of it whose mixing weights are partly zero."""
    count = rng.integers(1, 5)
    config = make_config(
        SHAPES[rng.integers(len(SHAPES))],
        rng.choice(EVERY_OPERATOR, count, replace=False).tolist(),
        hidden_states=int(rng.integers(1, 3)),
        share_alpha=bool(rng.integers(2)),
        cnf_backbone=bool(rng.integers(2)),
    )
    share = rng.choice([0.0, 0.4, 0.7, 0.9])
    return config, draw_weights(MODELS.build(config), int(rng.integers(1000)), share)


@pytest.mark.parametrize(
    'block', [0, *(pytest.param(i, marks=pytest.mark.slow) for i in range(1, 4))]
)
def test_random_networks_are_pruned_without_loss(block):
    for seed in range(25 * block, 25 * (block + 1)):
        config, model = draw_network(np.random.default_rng(seed))
        pruned, pruned_config, genotype = prune(model, config)
        assert compare_outputs(model, pruned, images()).largest <= LOSSLESS, seed


def test_what_is_left_cannot_be_pruned_again_and_has_an_effect():
    checked = 0
    for seed in range(12):
        config, model = draw_network(np.random.default_rng(seed))
        pruned, pruned_config, genotype = prune(model, config)
        _, _, again = prune_network(pruned, pruned_config)
        assert again.id == genotype.id, seed
        edges = config['head']['fabric']['hidden_states']
        edges = edges * (edges + 1) // 2
        if all(len(cell.edges) == edges for cell in genotype.cells.values()):  # none lost all
            pruned(images()[0]).square().sum().backward()
            unreached = {name for name, p in pruned.named_parameters() if p.grad is None}
            assert not {name for name in unreached if 'stages' not in name}, seed
            checked += 1
    assert checked > 3
