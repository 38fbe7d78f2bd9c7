"""Undoing the mirroring of heatmaps."""

import numpy as np
import pytest
import torch

from posenas.codecs import flip_heatmaps


@pytest.fixture(scope='module')
def golden(golden_dir):
    arrays = np.load(golden_dir / 'pipeline' / 'flip.npz')
    return {key: torch.from_numpy(value) for key, value in arrays.items() if value.ndim}


@pytest.mark.parametrize('prefix', ['v0', 'v1'])
@pytest.mark.parametrize(
    ('source', 'result', 'options'),
    [
        ('heatmaps_flipped_input', 'flip_back', dict()),
        ('heatmaps_flipped_input', 'flip_back_shift', dict(shift_heatmap=True)),
        ('combined_flipped_input', 'combined_flip_back', dict(flip_mode='udp_combined')),
    ],
)
def test_flipped_maps_equal_the_recorded_ones(golden, prefix, source, result, options):
    before = golden[source].clone()
    flipped = flip_heatmaps(golden[source], golden['v1_flip_indices'].tolist(), **options)
    assert torch.equal(flipped, golden[f'{prefix}_{result}'])
    assert torch.equal(golden[source], before)


@pytest.mark.parametrize(('name', 'shift'), [('v0_average', False), ('v0_average_shift', True)])
def test_average_of_both_passes_equals_the_recorded_one(golden, name, shift):
    indices = golden['v1_flip_indices'].tolist()
    mirrored = flip_heatmaps(golden['heatmaps_flipped_input'], indices, shift_heatmap=shift)
    torch.testing.assert_close((golden['heatmaps'] + mirrored) * 0.5, golden[name])


@pytest.mark.parametrize('mode', ['heatmap', 'udp_combined'])
def test_flipping_twice_is_the_identity(mode):
    maps = torch.randn(2, 9, 4, 5, generator=torch.Generator().manual_seed(0))
    indices = [1, 0, 2] if mode == 'udp_combined' else [1, 0, 2, 4, 3, 5, 7, 6, 8]
    twice = flip_heatmaps(flip_heatmaps(maps, indices, mode), indices, mode)
    assert torch.equal(twice, maps)


def test_without_indices_channels_stay():
    maps = torch.arange(6.0).view(1, 2, 1, 3)
    assert flip_heatmaps(maps).tolist() == [[[[2, 1, 0]], [[5, 4, 3]]]]


@pytest.mark.parametrize(
    ('channels', 'indices', 'mode', 'message'),
    [
        (3, [1, 0], 'heatmap', '3 channels for 2 entries'),
        (4, None, 'udp_combined', '4 channels'),
        (3, None, 'vector', 'flip_mode must be one of'),
    ],
)
def test_maps_that_do_not_fit_are_refused(channels, indices, mode, message):
    with pytest.raises(ValueError, match=message):
        flip_heatmaps(torch.zeros(1, channels, 2, 2), indices, mode)
