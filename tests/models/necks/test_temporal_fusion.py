"""Fusion of a feature with the heatmaps of the frame before."""

import pytest
import torch
from registry_cases import noise

from posenas.genotype import FUSION_OPS
from posenas.models import TemporalFusion
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

each_op = pytest.mark.parametrize('op', FUSION_OPS)


@each_op
@pytest.mark.parametrize('size', [(16, 12), (8, 6), (5, 3)])
def test_a_new_fusion_leaves_the_feature_as_it_is_and_learns(op, size):
    fusion = TemporalFusion(8, 17, op)
    feature, heatmaps = noise(2, 8, *size), noise(2, 17, 16, 12, seed=1)
    for module in (fusion.train(), fusion.eval()):
        assert torch.equal(module(feature, heatmaps), feature)
    before = fusion.last_norm.weight.clone()
    fusion.train()(feature, heatmaps).square().sum().backward()
    with torch.no_grad():
        fusion.last_norm.weight -= fusion.last_norm.weight.grad
    assert not torch.equal(fusion.last_norm.weight, before)
    assert not torch.equal(fusion(feature, heatmaps), feature)


@each_op
def test_a_fusion_costs_what_its_formula_says(op):
    cost = profile_model(TemporalFusion(8, 17, op), noise(1, 8, 4, 3), noise(1, 17, 16, 12))
    assert cost.macs == 4 * 3 * (17 * 8 + 8 * 8 * (3 if op == 'cat' else 1))


def test_operations_differ_once_they_have_learnt():
    made = []
    for op in FUSION_OPS:
        torch.manual_seed(0)
        fusion = TemporalFusion(8, 17, op).eval()
        torch.nn.init.ones_(fusion.last_norm.weight)
        made.append(fusion(noise(2, 8, 4, 3), noise(2, 17, 16, 12, seed=1)))
    assert not any(torch.allclose(a, b) for a, b in zip(made, made[1:] + made[:1], strict=True))


def test_a_fusion_refuses_other_channels():
    fusion = TemporalFusion(8, 17)
    with pytest.raises(ConfigError, match=r'fusion\.in_channels=6'):
        fusion(noise(1, 6, 4, 3), noise(1, 17, 16, 12))
    with pytest.raises(ConfigError, match=r'head\.out_channels=5'):
        fusion(noise(1, 8, 4, 3), noise(1, 5, 16, 12))
    with pytest.raises(ValueError, match='op must be'):
        TemporalFusion(8, 17, 'none')
