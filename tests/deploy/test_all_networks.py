"""Every network that a config makes can be exported, and the file computes the same."""

import numpy as np
import pytest
from source_files import ROOT

from posenas.apis import build_model
from posenas.apis.exporting import export_model, find_crops
from posenas.cli import main
from posenas.models.settling import draw_settled_weights
from posenas.runtime import PoseRuntime
from posenas.search import Supernet

pytest.importorskip('onnxruntime')
pytest.importorskip('openvino')

CONFIGS = sorted(
    path for path in (ROOT / 'configs' / 'top_down').rglob('*.py') if '_base_' not in path.parts
)


def name_of(path):
    return path.stem


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS, ids=name_of)
def test_the_network_of_every_config_is_exported_and_equal(path, tmp_path):
    network = build_model(path)
    assert not isinstance(network.model, Supernet)
    draw_settled_weights(network.model, find_crops(network)[0])
    made = export_model(network, tmp_path / 'net.onnx', name=path.stem)
    assert made.proof.largest.outputs <= made.proof.limit
    assert made.description.params == sum(p.numel() for p in network.model.parameters())


@pytest.mark.slow
@pytest.mark.parametrize(
    'name', ['rtmpose_t', 'rtmpose_s', 'rtmpose_m', 'litehrnet_18', 'litehrnet_30']
)
def test_rivals_are_exported_to_openvino_by_the_command_and_find_keypoints(name, tmp_path):
    file = tmp_path / 'net.xml'
    assert main(['export', f'{name}_coco_256x192', '--to', 'openvino', '--out', str(file)]) == 0
    photo = np.random.default_rng(0).integers(0, 255, (300, 200, 3)).astype(np.uint8)
    assert PoseRuntime(file)(photo, bboxes=[[10, 10, 180, 290]]).keypoints.shape == (1, 17, 2)


@pytest.mark.slow
@pytest.mark.parametrize('to', ['onnx', 'xml'])
def test_kernels_mixed_for_each_image_are_exported_for_any_number_of_images(tmp_path, to):
    shallow = 'model.backbone.extra.stages_spec'
    options = {f'{shallow}.num_modules': (1, 1, 1), f'{shallow}.num_blocks': (1, 1, 1)}
    network = build_model('ditehrnet_18_synthetic_128x96', options=options)
    draw_settled_weights(network.model, find_crops(network)[0])
    made = export_model(network, tmp_path / f'net.{to}')
    assert {each.batch for each in made.proof.differences} == {1, 2, 5}
    assert made.proof.largest.outputs < 1e-4
