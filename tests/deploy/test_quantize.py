"""Eight bits: close to float, and closer the more layers are left in float."""

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch import nn

from posenas.apis.quantizing import quantize_network
from posenas.deploy import (
    ExportForm,
    list_layers,
    make_onnx,
    quantize,
    rank_layers,
    write_network,
)
from posenas.runtime import PoseRuntime, open_session
from posenas.utils import ConfigError

pytest.importorskip('onnxruntime')
pytest.importorskip('openvino')


@pytest.fixture(scope='module')
def crops():
    return [np.random.default_rng(i).standard_normal((1, 3, 128, 96), np.float32) for i in range(4)]


@pytest.fixture(scope='module')
def graph(tiny_export):
    return onnx.load(tiny_export[0] / 'tiny.onnx')


@pytest.fixture(scope='module')
def eight_bits(graph, crops):
    return quantize(graph, crops)


def error(model, graph, crops, folder, engine='onnxruntime'):
    """Largest difference from the network in float, relative to its range."""
    made, wanted = (
        PoseRuntime(write_network(each, folder / f'{i}.onnx')[0], engine).infer(
            np.concatenate(crops), flip_test=False
        )[0]
        for i, each in enumerate((model, graph))
    )
    return np.abs(made - wanted).max() / np.ptp(wanted)


@pytest.mark.parametrize('engine', ['onnxruntime', 'openvino'])
def test_eight_bits_are_close_in_both_engines(graph, eight_bits, crops, tmp_path, engine):
    assert 1e-4 < error(eight_bits, graph, crops, tmp_path, engine) < 0.1
    kinds = [node.op_type for node in eight_bits.graph.node]
    assert kinds.count('QuantizeLinear') >= len(list_layers(graph))


def test_transposed_convolutions_in_groups_are_quantised(tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=2), nn.Conv2d(8, 2, 1)).eval()
    images = [np.random.default_rng(i).standard_normal((1, 8, 6, 6), np.float32) for i in range(2)]
    graph = make_onnx(ExportForm(network), [(8, 6, 6)], ['heatmaps'], {})
    made = quantize(graph, images)
    assert [node.op_type for node in made.graph.node].count('DequantizeLinear') > 4
    wanted, found = (
        open_session(write_network(each, tmp_path / f'{i}.onnx')[0], 'onnxruntime').run(images[0])
        for i, each in enumerate((graph, made))
    )
    assert np.abs(found[0] - wanted[0]).max() < 0.05 * np.ptp(wanted[0])


def test_layers_are_ranked_by_what_they_cost(graph, eight_bits, crops, tmp_path):
    ranked = rank_layers(graph, eight_bits, crops)
    assert sorted(ranked) == sorted(list_layers(graph))
    costs = [
        error(quantize(graph, crops, kept), graph, crops, tmp_path)
        for kept in ([], ranked[:1], ranked)
    ]
    assert costs[0] > costs[1] > costs[2]
    assert costs[2] < 1e-6


def test_layers_return_to_float_until_the_loss_is_small_enough(
    tiny_export, graph, monkeypatch, tmp_path
):
    _, network, _ = tiny_export
    losses = iter([0.8, 0.5, 0.7, 0.79])
    monkeypatch.setattr(
        'posenas.apis.quantizing.score_graph', lambda cfg, model: {'PCK': next(losses)}
    )
    monkeypatch.setattr(
        'posenas.apis.quantizing._find_crops',
        lambda *args: ([np.ones((1, 3, 128, 96), np.float32)], 'ones'),
    )
    _, found = quantize_network(network, graph, max_loss=0.02)
    assert len(found.float_layers) == 2
    assert found.loss == pytest.approx(0.01)
    losses = iter([0.8] + [0.1] * 20)
    with pytest.raises(ConfigError, match=r'must cost at most 0\.02 of PCK, got 0\.7'):
        quantize_network(network, graph, max_loss=0.02)


def test_a_limit_needs_a_validation_set_and_eight_bits_need_real_crops(
    tiny_export, graph, tmp_path
):
    _, network, _ = tiny_export
    with pytest.raises(ConfigError, match='give --images FILE'):
        quantize_network(network, graph)
    picture = tmp_path / 'photo.png'
    cv2.imwrite(str(picture), np.full((60, 50, 3), 99, np.uint8))
    with pytest.raises(ConfigError, match='needs a score, but the validation set cannot be used'):
        quantize_network(network, graph, [picture], max_loss=0.1)
    _, found = quantize_network(network, graph, [picture])
    assert (found.score, found.num_crops, found.float_layers) == ('', 1, ())
    assert 'cannot be used' in found.unscored
