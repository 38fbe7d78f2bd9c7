"""Neural fabrics in the form for inference."""

import copy

import pytest
import torch
from models.fabric_samples import (
    EVERY_OPERATOR,
    FABRIC,
    OPERATORS,
    PARTS,
    genotype,
    levels,
    stir,
)
from torch import Tensor, nn

from posenas.models import CNFBackbone, TopdownPoseEstimator
from posenas.models.fused import fuse, unfuse
from posenas.registry import CNF_OPERATORS, MODELS
from posenas.utils.profiling import profile_model

WIDE = dict(factor=16)
SETTINGS = [
    {},
    WIDE,
    dict(share_alpha=False),
    dict(hidden_states=2),
    dict(hidden_states=2, operators=EVERY_OPERATOR, share_alpha=False),
    dict(depth=6, num_levels=3),
    dict(genotype=genotype()),
    dict(genotype=genotype(), finetune_arch=True),
    dict(legacy_nodes=True),
    dict(operators=['Zero']),
]


def build(in_channels=(6, 10, 14), parts=PARTS, **settings):
    fabric = {**FABRIC, **settings}
    backbone = dict(type='TinyConvNet', channels=(4, *in_channels), out_indices=(1, 2, 3))
    neck = dict(type='PartReduceNeck', in_channels=in_channels, fabric=fabric, parts=parts)
    head = dict(type='CNFHead', fabric=fabric, parts=parts)
    torch.manual_seed(0)
    return stir(TopdownPoseEstimator(backbone=backbone, neck=neck, head=head)).eval()


def images(width=96, height=64):
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1))


def assert_same(network, x):
    """Compare both forms in float64, and the way back bit by bit."""
    with torch.no_grad():
        before = network(x)
        exact = copy.deepcopy(network).double()
        wanted = exact(x.double())
        fuse(exact)
        got = exact(x.double())
        fuse(network)
        rounded = network(x)
        unfuse(network)
        after = network(x)
    for maps in zip(
        *([m] if isinstance(m, Tensor) else m for m in (before, after, wanted, got, rounded)),
        strict=True,
    ):
        assert torch.equal(maps[0], maps[1])
        scale = maps[2].abs().max()
        assert (maps[3] - maps[2]).abs().max() <= 1e-10 * scale
        assert (maps[4] - maps[2]).abs().max() <= 1e-4 * scale
    return exact


@pytest.mark.parametrize('settings', SETTINGS, ids=','.join)
def test_the_fused_form_computes_the_same(settings):
    assert_same(build(**settings), images())


@pytest.mark.parametrize('settings', [{}, dict(depth=6, num_levels=3), dict(genotype=genotype())])
def test_narrow_maps_are_computed_the_same(settings):
    assert_same(build(**settings), images(32, 64))


def test_a_neck_that_lets_levels_pass_stays():
    fused = assert_same(build(in_channels=(8, 16, 32)), images())
    assert type(fused.neck).__name__ == 'PartReduceNeck'


def test_a_head_without_its_neck_has_a_fused_form_too():
    network = build()
    with torch.no_grad():
        feats = network.neck(network.backbone(images()))
        shared = levels()
        wanted, also = network.head(feats), network.head(shared)
        fuse(network.head)
        assert torch.allclose(network.head(feats), wanted, atol=1e-5)
        assert torch.allclose(network.head(shared), also, atol=1e-5)


@pytest.mark.parametrize('mode', ['2d', '3d', None])
def test_every_representation_is_kept(mode):
    network = build()
    representation = dict(type='ScalarRepresentation')
    if mode:
        representation = dict(type='VectorRepresentation', vector_dim=3, mode=mode)
    cfg = dict(type='CNFHead', fabric=FABRIC, parts=PARTS, representation=representation)
    network.head = stir(MODELS.build(cfg)).eval()
    assert_same(network, images())


@pytest.mark.parametrize(
    ('settings', 'groups'),
    [({}, [[0, 1]]), (WIDE, [[0], [1]]), (dict(genotype=genotype()), [[0], [1]])],
    ids=['equal and narrow', 'wide', 'different'],
)
def test_equal_narrow_parts_run_side_by_side(settings, groups):
    network = build(**settings)
    fuse(network)
    fabrics = network.head.parts.fabrics
    assert fabrics.members == groups
    convs = [m for m in fabrics.stacks[0].modules() if isinstance(m, nn.Conv2d)]
    channels = {conv.groups for conv in convs if conv.kernel_size == (1, 1)}
    assert channels == {len(groups[0])}


def test_nothing_is_left_to_normalise_and_less_to_compute():
    network = build((24, 32, 96), **WIDE)
    whole = profile_model(network, images()).macs
    fuse(network)
    assert not [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert profile_model(network, images()).macs < whole


def test_inputs_and_operators_of_weight_zero_are_removed():
    network = build()
    with torch.no_grad():
        for part in network.head.parts.values():
            part.betas[:, 1:] = -1000.0  # only the own scale is read: one cell per layer is left
            part.alphas[:, 1:3] = -1000.0
    fused = assert_same(network, images())
    (stack,) = fused.head.parts.fabrics.stacks
    assert stack.scales == [[0], [0], [0]]
    assert all(len(edge) == 1 for cells in stack.cells for c in cells for edge in c.edges)
    assert fused.head.parts.fabrics.first.sources == [0]


def test_fabrics_with_operators_of_a_user_are_not_grouped():
    class Halve(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.factor = nn.Parameter(torch.full((channels, 1, 1), 0.5))

        def forward(self, x):
            return x * self.factor

    CNF_OPERATORS.register_module(name='halve', module=Halve)
    try:
        network = build(operators=[*OPERATORS, 'halve'])
        fused = assert_same(network, images())
    finally:
        del CNF_OPERATORS.module_dict['halve']
    assert fused.head.parts.fabrics.members == [[0], [1]]


@pytest.mark.parametrize('reserve_layers', [1, 2, 4])
def test_a_fabric_as_backbone_has_a_fused_form(reserve_layers):
    fabric = dict(depth=6, factor=2, operators=['skip_connect', 'Sep_Conv_3x3', 'max_pool_3x3'])
    torch.manual_seed(0)
    network = nn.Sequential(CNFBackbone(fabric, reserve_layers))
    fused = assert_same(stir(network).eval(), images())
    assert not [m for m in fused.modules() if isinstance(m, nn.BatchNorm2d)]


def test_the_random_state_is_left_alone():
    network = build()
    state = torch.get_rng_state()
    fuse(network)
    assert torch.equal(torch.get_rng_state(), state)
