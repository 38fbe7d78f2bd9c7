"""Neural fabrics as backbones."""

import pytest
import torch
from models.fabric_samples import cell

from posenas.models import CNFBackbone
from posenas.models.fused.fabrics import fuse_backbone
from posenas.utils import ConfigError

FABRIC = dict(depth=6, factor=2, operators=['skip_connect', 'Sep_Conv_3x3', 'max_pool_3x3'])


@pytest.mark.parametrize(('layers', 'scales'), [(1, 2), (2, 3), (3, 4), (4, 3), (6, 1)])
def test_the_maps_of_the_last_layer_are_returned(layers, scales):
    outs = CNFBackbone(FABRIC, layers)(torch.randn(2, 3, 64, 96))
    assert [tuple(out.shape) for out in outs] == [
        (2, 8 << i, 16 >> i, 24 >> i) for i in range(scales)
    ]


@pytest.mark.parametrize(('layers', 'multiple'), [(1, 8), (2, 16), (3, 32), (4, 32)])
def test_images_must_fit_the_coarsest_scale(layers, multiple):
    backbone = CNFBackbone(FABRIC, layers).eval()
    backbone(torch.randn(1, 3, 3 * multiple, 2 * multiple))
    with pytest.raises(ConfigError, match=f'multiples of {multiple}'):
        backbone(torch.randn(1, 3, 3 * multiple, 2 * multiple + multiple // 2))


def test_inputs_of_the_first_cell_are_the_same_map_so_their_weights_have_no_effect():
    backbone = CNFBackbone(FABRIC, 2).double()
    sum(out.square().sum() for out in backbone(torch.randn(2, 3, 64, 64).double())).backward()
    assert backbone.betas.grad[0].abs().max() < 1e-12 * backbone.betas.grad.abs().max()
    assert backbone.alphas.shape == (1, 3)


def test_a_frozen_fabric_still_follows_the_statistics_of_the_data():
    backbone = CNFBackbone(FABRIC, 2, frozen=True).train()
    before = backbone.stem[1].running_mean.clone()
    backbone(torch.randn(2, 3, 64, 64))
    assert not any(p.requires_grad for p in backbone.parameters())
    assert not torch.equal(backbone.stem[1].running_mean, before)


def test_a_pruned_fabric_returns_nothing_where_a_cell_is_gone():
    op = {'Sep_Conv_3x3': 1.0}
    pruned = dict(
        schema='pose-genotype/1',
        family='pnfs',
        name='sample',
        space=dict(id='cnf/1'),
        macro=dict(backbone=dict(depth=6, reserve_layers=2, factor=2)),
        cells={
            'backbone.0_1': cell({'above': ('stem', 1.0)}, op),
            'backbone.1_1': cell({'parallel': ('backbone.0_1', 1.0)}, op),
        },
    )
    backbone = CNFBackbone(FABRIC | dict(genotype=pruned), 2).eval()
    outs = backbone(torch.randn(2, 3, 64, 64))
    assert [out is None for out in outs] == [True, False, True]
    assert outs[1].shape == (2, 16, 8, 8)
    names = {name.split('.')[0] for name in backbone.state_dict()}
    assert names == {'stem', 'cell_0_1', 'cell_1_1'}
    fused = fuse_backbone(backbone).eval()(torch.randn(2, 3, 64, 64))
    assert [out is None for out in fused] == [True, False, True]
