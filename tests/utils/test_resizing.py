"""Weights of a network start one of other widths, depths and kernels."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from posenas.models import EdgeNet, TopDownFusion
from posenas.utils import (
    CheckpointError,
    register_checkpoint_loaders,
    resize_weights,
    save_checkpoint,
)

register_checkpoint_loaders()

SMALL = [
    dict(kind='fused', width=8, depth=1, expand=2, kernel=3),
    dict(kind='dense', width=8, depth=1, expand=1, kernel=3),
    dict(kind='inverted', width=8, depth=1, expand=2, kernel=3),
]
LARGE = [
    dict(kind='fused', width=16, depth=2, expand=4, kernel=3),
    dict(kind='dense', width=8, depth=3, expand=1, kernel=3),
    dict(kind='inverted', width=24, depth=2, expand=3, kernel=7),
]


def make_trained(path, stages=SMALL):
    """Make a backbone with used statistics, and the file of a whole network with it."""
    torch.manual_seed(0)
    network = EdgeNet(8, stages)
    network.init_weights()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(4, 3, 64, 64))
    weights = {f'backbone.{name}': weight for name, weight in network.state_dict().items()}
    save_checkpoint(dict(state_dict=weights), path)
    return network.eval()


def start_from(path, stages, stem=8):
    init_cfg = dict(type='Pretrained', checkpoint=str(path), prefix='backbone.', resize=True)
    network = EdgeNet(stem, stages, init_cfg=init_cfg)
    network.init_weights()
    return network.eval()


def test_a_grown_network_computes_the_same(tmp_path):
    trained = make_trained(tmp_path / 'a.pth')
    grown = start_from(tmp_path / 'a.pth', LARGE, stem=16)
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        for old, new in zip(trained(image), grown(image), strict=True):
            assert torch.allclose(old, new[:, : old.shape[1]], atol=1e-6)
            assert new.shape[1] == old.shape[1] or new[:, old.shape[1] :].abs().max() > 0


def test_what_is_new_learns(tmp_path):
    make_trained(tmp_path / 'a.pth')
    grown = start_from(tmp_path / 'a.pth', LARGE, stem=16).train()
    fusion = TopDownFusion((16, 8, 24), (8, 8, 8))
    fusion(grown(torch.randn(2, 3, 64, 64)))[-1].square().sum().backward()
    new = [grown.stages[0].blocks[1], *grown.stages[1].blocks[1:], grown.stages[2].blocks[1]]
    for block in new:
        assert (block.convs[-1].norm.weight == 0).all()
        assert block.convs[-1].norm.weight.grad.abs().max() > 0


def test_a_network_that_fits_is_the_file(tmp_path):
    trained = make_trained(tmp_path / 'a.pth')
    same = start_from(tmp_path / 'a.pth', SMALL)
    for name, weight in trained.state_dict().items():
        assert torch.equal(weight, same.state_dict()[name]), name


def test_a_narrower_network_has_the_first_channels(tmp_path):
    trained = make_trained(tmp_path / 'a.pth', LARGE)
    narrow = start_from(tmp_path / 'a.pth', SMALL)
    weight = narrow.stages[2].blocks[0].convs[1].conv.weight  # depthwise 3x3 of 7x7
    stored = trained.stages[2].blocks[0].convs[1].conv.weight
    assert torch.equal(weight, stored[: len(weight), :, 2:5, 2:5])


def test_other_names_are_refused(tmp_path):
    make_trained(tmp_path / 'a.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'), resize=True)
    with pytest.raises(CheckpointError, match='but none fits'):
        EdgeNet(8, SMALL, init_cfg=init_cfg).init_weights()


@given(st.integers(1, 4), st.integers(0, 3), st.integers(1, 4), st.integers(0, 3), st.booleans())
def test_a_grown_layer_computes_the_same(inputs, more_inputs, outputs, more_outputs, transposed):
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    old = kind(inputs, outputs, 3, padding=1)
    new = kind(inputs + more_inputs, outputs + more_outputs, 5, padding=2)
    new.load_state_dict(resize_weights(old.state_dict(), new))
    image = torch.randn(1, inputs + more_inputs, 7, 7)
    expected = old(image[:, :inputs])
    assert torch.allclose(new(image)[:, :outputs], expected, atol=1e-5)
