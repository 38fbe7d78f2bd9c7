import pytest
import torch

from posenas.models.layers import DiteStem, DMCBlock, DynamicOptions
from posenas.utils import ConfigError


def _branches(channels, size=8):
    torch.manual_seed(0)
    return [torch.randn(2, c, size >> i, size >> i) for i, c in enumerate(channels)]


@pytest.mark.parametrize('channels', [(8,), (40, 80), (16, 48, 24, 64), (42, 84)])
def test_a_block_keeps_shapes_and_passes_half_of_the_channels(channels):
    branches = _branches(channels)
    outputs = DMCBlock(channels, DynamicOptions())(branches)
    for x, y in zip(branches, outputs, strict=True):
        assert y.shape == x.shape
        assert torch.equal(y[:, ::2], x[:, : x.shape[1] // 2])
        assert not torch.equal(y[:, 1::2], x[:, x.shape[1] // 2 :])


def test_options_shape_every_part_of_a_block():
    options = DynamicOptions(
        num_groups=(1, 3),
        num_kernels=(2, 1),
        gcm_reduction=(2, 3),
        dcm_reduction=5,
        attention_reduction=3,
        kernel_sizes=(5, 3, 7),
    )
    block = DMCBlock((12, 24), options)
    assert block.conv[0].conv[0].conv.aggregation.weight.shape == (2, 6, 1, 5, 5)
    assert block.conv[0].conv[0].conv.attention.conv1.out_channels == 2
    assert [unit.conv.weight.shape[-1] for unit in block.conv[1].conv] == [5, 3, 7]
    assert [gcm.channel_attention[0].out_channels for gcm in block.gcm] == [3, 4]
    assert block.dcm.channel_attention[0].out_channels == 18 // 5


def test_odd_channels_are_refused():
    with pytest.raises(ConfigError, match=r'num_channels must be even.*got 41'):
        DMCBlock((41, 80), DynamicOptions())
    with pytest.raises(ConfigError, match=r'stem_channels must be even.*got 33'):
        DiteStem(3, 33)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_kernels=(4,)), r"'num_kernels'.*each of the 2 branches, got \(4,\)"),
        (dict(num_groups=(0, 1)), r"'num_groups'.*at least 1 .* got \(0, 1\)"),
        (dict(dcm_reduction=0), "'dcm_reduction'.*at least 1, got 0"),
        (dict(num_groups=(1, 3), kernel_sizes=(3, 5)), r'list of 3 odd sides.*got \(3, 5\)'),
        (dict(kernel_sizes=(4,)), r'odd sides.*got \(4,\)'),
        (dict(kernel_sizes='even'), "'odd from 3' or a list.*got 'even'"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        DynamicOptions(**options).check(num_branches=2)


@pytest.mark.parametrize('channels', [8, 32, 48])
def test_the_stem_reduces_images_to_a_quarter(channels):
    stem = DiteStem(4, channels)
    assert stem(torch.randn(2, 4, 32, 24)).shape == (2, channels, 8, 6)
