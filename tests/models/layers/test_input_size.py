import pytest
import torch

from posenas.models.layers import check_input_channels, check_input_multiple
from posenas.utils import ConfigError


@pytest.mark.parametrize('shape', [(1, 3, 64, 32), (2, 1, 32, 96)])
def test_multiples_pass(shape):
    check_input_multiple(torch.zeros(shape), 32, 'HRNet')


def test_other_sizes_are_refused_with_a_size_that_fits():
    message = 'HRNet takes images .* multiples of 32, got 190 x 256: .* 192 x 256'
    with pytest.raises(ConfigError, match=message):
        check_input_multiple(torch.zeros(1, 3, 256, 190), 32, 'HRNet')


def test_a_single_image_is_no_batch():
    with pytest.raises(ConfigError, match=r'batches of images .* got shape \(3, 64, 64\)'):
        check_input_multiple(torch.zeros(3, 64, 64), 32, 'HRNet')


def test_other_channels_are_refused_with_what_to_do():
    check_input_channels(torch.zeros(1, 8, 4, 4), 8, 'set x')
    with pytest.raises(ConfigError, match='features of 9 channels, got 8: set x'):
        check_input_channels(torch.zeros(1, 8, 4, 4), 9, 'set x')
