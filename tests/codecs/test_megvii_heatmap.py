"""Targets at the border of the heatmap."""

import pytest

from posenas.codecs import MegviiHeatmap


@pytest.mark.parametrize(
    ('point', 'weight'),
    [
        ((0, 120), 1),
        ((90, 0), 1),
        ((191, 255), 1),
        ((-4, 120), 0),
        ((90, -4), 0),
        ((192, 120), 0),
        ((90, 256), 0),
    ],
)
def test_a_keypoint_counts_from_the_first_heatmap_pixel_to_the_last(point, weight):
    encoded = MegviiHeatmap((192, 256), (48, 64), kernel_size=11).encode([[point]])
    assert encoded['keypoint_weights'].tolist() == [[weight]]
    assert (encoded['heatmaps'].max() > 0) == bool(weight)
