import pytest
import torch

from posenas.models.necks import FeatureMapProcessor
from posenas.utils import ConfigError


@pytest.fixture
def feats():
    generator = torch.Generator().manual_seed(0)
    sizes = ((2, 8, 6), (3, 4, 3), (4, 2, 2))
    return [torch.randn(1, *size, generator=generator) for size in sizes]


def test_features_are_selected_in_the_order_asked_for(feats):
    assert FeatureMapProcessor()(feats) == tuple(feats)
    assert FeatureMapProcessor(select_index=-1)(feats) == (feats[2],)
    assert FeatureMapProcessor(select_index=(2, 0))(feats) == (feats[2], feats[0])


@pytest.mark.parametrize('align_corners', [True, False])
def test_joined_features_have_the_size_of_the_first(feats, align_corners):
    neck = FeatureMapProcessor((0, 1), concat=True, align_corners=align_corners)
    (joined,) = neck(feats)
    assert joined.shape == (1, 5, 8, 6)
    assert torch.equal(joined[:, :2], feats[0])
    assert torch.equal(joined[0, 2:, 0, 0], feats[1][0, :, 0, 0])
    corner = joined[0, 2:, -1, -1]
    assert torch.allclose(corner, feats[1][0, :, -1, -1])


def test_results_are_scaled_and_rectified(feats):
    (first, second) = FeatureMapProcessor((0, 1), scale_factor=0.5, apply_relu=True)(feats)
    assert (first.shape[-2:], second.shape[-2:]) == ((4, 3), (2, 2))
    assert first.min() >= 0


def test_features_that_are_not_there_are_named(feats):
    with pytest.raises(ConfigError, match='which gives 3, got 3'):
        FeatureMapProcessor(select_index=3)(feats)
