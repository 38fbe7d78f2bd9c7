"""Operators of neural fabrics."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from posenas.genotype import CNF_OPERATIONS
from posenas.models.layers import MixedOp
from posenas.registry import CNF_OPERATORS

C = 6
COUNTS = {
    'Zero': 0,
    'skip_connect': 0,
    'Sep_Conv_3x3': 2 * (9 * C + C * C),
    'Sep_Conv_5x5': 2 * (25 * C + C * C),
    'Atr_Conv_3x3': 9 * C + C * C,
    'Atr_Conv_5x5': 25 * C + C * C,
    'avg_pool_3x3': 0,
    'max_pool_3x3': 0,
    'Basic_Conv_3x3': 18 * C * C + 4 * C,
    'Bottle_Conv_3x3': 27 * C * C + 6 * C,
    'conv_3x3': 9 * C * C + C,
}
#: Cells that one cell of the result depends on, along one side.
REACH = {
    'Zero': 0,
    'skip_connect': 1,
    'Sep_Conv_3x3': 5,
    'Sep_Conv_5x5': 9,
    'Atr_Conv_3x3': 5,
    'Atr_Conv_5x5': 9,
    'avg_pool_3x3': 3,
    'max_pool_3x3': 3,
    'Basic_Conv_3x3': 5,
    'Bottle_Conv_3x3': 7,
    'conv_3x3': 3,
}
every_operator = pytest.mark.parametrize('name', COUNTS)


def build(name, channels=C):
    torch.manual_seed(0)
    return CNF_OPERATORS.get(name)(channels)


def test_the_table_has_the_operations_of_genotypes():
    assert set(CNF_OPERATORS.module_dict) == set(CNF_OPERATIONS) == set(COUNTS)


@every_operator
def test_parameters_are_the_published_ones(name):
    assert sum(p.numel() for p in build(name).parameters()) == COUNTS[name]


@every_operator
@pytest.mark.parametrize('size', [(12, 9), (3, 1), (7, 7)])
def test_channels_and_size_are_kept(name, size):
    x = torch.randn(2, C, *size)
    assert build(name)(x).shape == x.shape


@every_operator
def test_a_result_depends_on_as_many_neighbours_as_published(name):
    x = torch.randn(1, C, 25, 25, dtype=torch.float64, requires_grad=True)
    build(name).double().eval()(x)[0, :, 12, 12].sum().backward()
    rows = x.grad[0].abs().sum(dim=(0, 2)).nonzero()
    reach = int(rows.max() - rows.min()) + 1 if len(rows) else 0
    if name == 'max_pool_3x3':
        assert 1 <= reach <= REACH[name]
    else:
        assert reach == REACH[name]


def test_the_mean_at_the_border_leaves_the_padding_out():
    x = torch.full((1, C, 4, 4), 3.0)
    assert torch.equal(build('avg_pool_3x3')[0](x), x)


@pytest.mark.parametrize(('name', 'last'), [('Basic_Conv_3x3', False), ('Bottle_Conv_3x3', True)])
def test_only_the_long_block_ends_with_a_relu(name, last):
    out = build(name)(torch.randn(2, C, 8, 8))
    assert bool((out >= 0).all()) is last


def test_separable_norms_have_no_scale():
    norms = [m for m in build('Sep_Conv_3x3').modules() if isinstance(m, nn.BatchNorm2d)]
    assert [norm.affine for norm in norms] == [False, False]


def test_a_mixed_operation_weighs_its_candidates():
    double, triple = nn.Identity(), nn.ReLU()
    mixed = MixedOp({0: double, 3: triple})
    x, weights = torch.randn(2, C, 4, 4), torch.tensor([0.5, 7.0, 7.0, 2.0])
    assert torch.allclose(mixed(x, weights), 0.5 * x + 2 * F.relu(x))
    assert list(mixed.ops) == ['0', '3']


def test_a_mixed_operation_without_candidates_is_zero():
    x = torch.randn(2, C, 4, 4)
    assert torch.equal(MixedOp({})(x, torch.ones(3)), torch.zeros_like(x))
