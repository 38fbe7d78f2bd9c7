"""Targets and maxima near the border of the heatmap."""

import numpy as np
import pytest

from posenas.codecs import MSRAHeatmap


@pytest.mark.parametrize('axis', [0, 1])
@pytest.mark.parametrize(('beyond', 'weight'), [(-6.5, 1), (-7.5, 0), (5.5, 1), (6.5, 0)])
def test_an_unbiased_target_counts_while_its_gaussian_reaches_into_the_map(axis, beyond, weight):
    codec = MSRAHeatmap((192, 256), (48, 64), sigma=2, unbiased=True)
    cell = np.array([20.0, 20.0])
    cell[axis] = beyond if beyond < 0 else codec.heatmap_size[axis] + beyond
    encoded = codec.encode((cell * 4)[None, None])
    assert encoded['keypoint_weights'].tolist() == [[weight]]
    assert (encoded['heatmaps'].max() > 0) == bool(weight)
