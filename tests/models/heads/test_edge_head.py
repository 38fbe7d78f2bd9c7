"""Heads that double the size on the way to heatmaps."""

import numpy as np
import pytest
import torch

from posenas.codecs import MSRAHeatmap
from posenas.genotype import EDGE_HEADS
from posenas.models import EdgeHead
from posenas.models.layers.edge.last_layers import CoordinateProduct
from posenas.utils import ConfigError

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2)


@pytest.mark.parametrize('kind', EDGE_HEADS)
def test_heatmaps_are_twice_as_large_and_learn_a_gaussian(kind):
    torch.manual_seed(0)
    head = EdgeHead(8, 2, kind, 16, decoder=CODEC)
    x = torch.randn(2, 8, 8, 6)
    codec = MSRAHeatmap(**{key: value for key, value in CODEC.items() if key != 'type'})
    points = torch.tensor([[[20.0, 30.0], [24.0, 12.0]], [[40.0, 44.0], [12.0, 24.0]]]).numpy()
    seen = torch.ones(1, 2).numpy()
    targets = [codec.encode(point[None], seen)['heatmaps'] for point in points]
    target = torch.from_numpy(np.stack(targets))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    losses = []
    for _ in range(80):
        loss = (head((x,)) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.2 * losses[0]


def test_a_product_of_coordinates_can_be_a_gaussian():
    product = CoordinateProduct((6, 8))
    grid_x, grid_y = torch.arange(12.0), torch.arange(16.0)
    with torch.no_grad():
        for layer in (product.linear_x, product.linear_y):
            layer.weight.zero_()
        product.linear_x.bias.copy_(-((grid_x - 6) ** 2) / 8)
        product.linear_y.bias.copy_(-((grid_y - 8) ** 2) / 8)
        made = product(torch.zeros(1, 1, 8, 6))[0, 0]
    wanted = torch.exp(-((grid_x - 6) ** 2 + (grid_y[:, None] - 8) ** 2) / 8)
    torch.testing.assert_close(made, wanted, atol=0.01, rtol=0)


def test_classified_coordinates_need_the_size_of_their_heatmaps():
    for size in (None, (11, 16)):
        with pytest.raises(ConfigError, match=r'two even numbers, got .*set head\.decoder'):
            EdgeHead(8, 2, 'simcc', heatmap_size=size)
