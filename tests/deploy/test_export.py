"""Files of exported networks: equal to the network, with all they need and no more."""

import hashlib

import numpy as np
import onnx
import pytest
import torch

from posenas.apis import export_network, inference_topdown, init_model
from posenas.apis.building import find_and_load
from posenas.apis.exported import use_exported
from posenas.deploy import halve_weights, prove, write_network
from posenas.runtime import PoseRuntime
from posenas.utils import ConfigError, DataError

pytest.importorskip('onnxruntime')
pytest.importorskip('openvino')


def test_both_engines_are_compared_at_one_two_and_five_images(tiny_export):
    _, _, made = tiny_export
    tried = [(each.engine, each.batch) for each in made.proof.differences]
    assert tried == [(engine, n) for engine in ('onnxruntime', 'openvino') for n in (1, 2, 5)]
    assert made.proof.limit >= 1e-4
    assert 0 < made.proof.largest.outputs < 1e-5


def test_the_file_holds_all_that_is_known_of_the_network(tiny_export):
    folder, network, made = tiny_export
    runtime = PoseRuntime(folder / 'tiny.onnx')
    said = runtime.description
    assert said.to_metadata() == made.description.to_metadata()
    assert said.checkpoint_sha256 == hashlib.sha256((folder / 'tiny.pth').read_bytes()).hexdigest()
    assert said.params == sum(p.numel() for p in network.model.parameters())
    assert said.macs > 0
    assert said.crop.input_size == (96, 128)
    assert said.normalisation.mean == (123.675, 116.28, 103.53)
    assert said.find_skeleton().name == 'coco'
    assert vars(runtime.codec).keys() == vars(network.model.head.decoder).keys()
    assert said.flip == dict(network.model.test_cfg)


def test_nothing_in_the_file_tells_of_the_machine_or_of_pytorch(tiny_export):
    folder, _, _ = tiny_export
    content = (folder / 'tiny.onnx').read_bytes()
    for text in (b'.py', b'File "', b'pkg.torch', b'site-packages', str(folder).encode()):
        assert text not in content
    model = onnx.load(folder / 'tiny.onnx')
    assert not model.graph.value_info
    assert [i.name for i in model.graph.input] == ['images']
    assert [o.name for o in model.graph.output] == ['heatmaps']
    assert not any(node.op_type == 'BatchNormalization' for node in model.graph.node)


def test_the_file_finds_what_the_checkpoint_finds(tiny_export):
    folder, _, _ = tiny_export
    image = np.random.default_rng(0).integers(0, 255, (200, 160, 3)).astype(np.uint8)
    boxes = [[10, 10, 90, 180], [40.5, 20.2, 150, 199]]
    wanted = inference_topdown(
        init_model('tiny_synthetic_128x96', folder / 'tiny.pth', 'cpu'), image, boxes
    )
    replaced = init_model('tiny_synthetic_128x96', folder / 'tiny.onnx', 'cpu')
    alone = init_model(None, folder / 'tiny.onnx', 'cpu')
    runtime = PoseRuntime(folder / 'tiny.onnx')(image, boxes)
    for model in (replaced, alone):
        for i, sample in enumerate(inference_topdown(model, image, boxes)):
            made, want = sample.pred_instances, wanted[i].pred_instances
            np.testing.assert_array_equal(made.keypoints, runtime.keypoints[i : i + 1])
            # on random heatmaps some steps below a pixel lead far out, and grow what differs
            np.testing.assert_allclose(made.keypoints, want.keypoints, rtol=1e-3, atol=0.1)
            np.testing.assert_allclose(made.keypoint_scores, want.keypoint_scores, atol=1e-5)
            np.testing.assert_array_equal(made.bboxes, want.bboxes)


def test_a_config_of_another_size_is_refused(tiny_export):
    folder, _, _ = tiny_export
    with pytest.raises(ConfigError, match='must agree on input_size'):
        init_model('s_vipnas_mbv3_coco_256x192', folder / 'tiny.onnx', 'cpu')


@pytest.mark.parametrize(
    ('key', 'value', 'name'),
    [
        ('test_dataloader.dataset.pipeline.1.padding', 2.0, 'padding'),
        ('test_dataloader.dataset.pipeline.2.use_udp', True, 'use_udp'),
        ('model.head.decoder.type', 'UDPHeatmap', 'codec'),
        ('model.head.decoder.heatmap_size', (48, 64), 'heatmap_size'),
        ('model.data_preprocessor.mean', [0, 0, 0], 'mean'),
    ],
)
def test_a_config_of_other_crops_or_codecs_is_refused(tiny_export, key, value, name):
    folder, _, _ = tiny_export
    cfg = find_and_load('tiny_synthetic_128x96')
    cfg.merge_from_dict({key: value})
    with pytest.raises(ConfigError, match=f'must agree on {name}'):
        use_exported(cfg, folder / 'tiny.onnx')


def test_a_file_that_computes_something_else_is_refused(tiny_export, tmp_path):
    folder, network, _ = tiny_export
    model = onnx.load(folder / 'tiny.onnx')
    arrays = {entry.name: onnx.numpy_helper.to_array(entry) for entry in model.graph.initializer}
    weight = max(model.graph.initializer, key=lambda entry: arrays[entry.name].size)
    assert arrays[weight.name].shape == (32, 16, 3, 3)
    weight.CopyFrom(onnx.numpy_helper.from_array(1.001 * arrays[weight.name], weight.name))
    write_network(model, tmp_path / 'other.onnx')
    images = torch.rand(2, 3, 128, 96)
    codec = network.model.head.decoder
    proof = prove([tmp_path / 'other.onnx'], network.model, codec, [images], ['onnxruntime'])
    with pytest.raises(ConfigError, match='must compute what the network computes'):
        proof.check('other.onnx')


def test_half_precision_halves_the_weights_and_keeps_the_answer(tiny_export, tmp_path):
    folder, _, _ = tiny_export
    model = onnx.load(folder / 'tiny.onnx')
    halved = halve_weights(model)
    onnx.checker.check_model(halved)
    weights, others = (
        [onnx.numpy_helper.to_array(entry) for entry in m.graph.initializer]
        for m in (halved, model)
    )
    assert sum(w.nbytes for w in weights) < 0.6 * sum(w.nbytes for w in others)
    write_network(model, tmp_path / 'half.onnx', halve=True)
    write_network(model, tmp_path / 'half.xml', halve=True)
    images = np.random.default_rng(0).random((2, 3, 128, 96), np.float32)
    (wanted,) = PoseRuntime(folder / 'tiny.onnx').infer(images, flip_test=False)
    for name in ('half.onnx', 'half.xml'):
        (made,) = PoseRuntime(tmp_path / name).infer(images, flip_test=False)
        assert 0 < np.abs(made - wanted).max() < 5e-3 * np.ptp(wanted)


def test_the_same_network_gives_the_same_bytes_in_both_forms(tiny_export, tmp_path):
    folder, _, _ = tiny_export
    model = onnx.load(folder / 'tiny.onnx')
    for end in ('onnx', 'xml'):
        files = [
            [file.read_bytes() for file in write_network(model, tmp_path / name / f'net.{end}')]
            for name in ('a', 'b')
        ]
        assert files[0] == files[1]
    assert (tmp_path / 'a' / 'net.onnx').read_bytes() == (folder / 'tiny.onnx').read_bytes()


@pytest.mark.parametrize('end', ['onnx', 'bin'])
def test_other_weights_than_those_written_are_refused(tiny_export, tmp_path, end):
    folder, _, _ = tiny_export
    model = onnx.load(folder / 'tiny.onnx')
    (opened, *_) = write_network(model, tmp_path / f'net.{end.replace("bin", "xml")}')
    PoseRuntime(opened)
    content = bytearray((tmp_path / f'net.{end}').read_bytes())
    (entry,) = (e for e in model.graph.initializer if e.dims == [32, 16, 3, 3])
    weights = onnx.numpy_helper.to_array(entry).tobytes()
    content[content.index(weights) + 400] ^= 1
    (tmp_path / f'net.{end}').write_bytes(content)
    for engine in [None, 'openvino'] if end == 'onnx' else [None]:
        with pytest.raises(DataError, match='must have the weights that it was written with'):
            PoseRuntime(opened, engine)


@pytest.mark.parametrize(
    ('settings', 'match'),
    [
        (dict(config='tiny_synthetic_128x96', out='net.xml'), 'must end with .onnx'),
        (dict(config='vipnas_supernet_res50_coco_256x192'), 'posenas derive'),
    ],
)
def test_what_cannot_be_exported_is_refused(settings, match):
    with pytest.raises(ConfigError, match=match):
        export_network(checkpoint=None, **settings)
