"""Keypoints by exported networks, without PyTorch."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from apis.spots import BOXES, PEOPLE, draw_spots
from exported_spots import describe_spots, write_spot_net

from posenas.codecs import MSRAHeatmap
from posenas.runtime import ENGINES, CropRule, PoseRuntime
from posenas.utils import DataError


@pytest.fixture(scope='module')
def spot_file(tmp_path_factory):
    return write_spot_net(tmp_path_factory.mktemp('net') / 'spots.onnx')


@pytest.mark.parametrize('engine', ENGINES)
def test_the_spots_are_found_in_every_engine(spot_file, engine):
    found = PoseRuntime(spot_file, engine, threads=1)(draw_spots(), BOXES, flip_test=False)
    np.testing.assert_allclose(found.keypoints, PEOPLE, atol=5)
    np.testing.assert_array_equal(found.bboxes, BOXES)
    assert found.scores.shape == (2, 3)
    assert found.bbox_scores.tolist() == [1, 1]


@pytest.mark.parametrize('flip_test', [False, True])
def test_keypoints_equal_those_of_the_same_network_in_pytorch(
    spot_file, spot_config, spot_checkpoint, flip_test
):
    from posenas.apis import inference_topdown, init_model

    model = init_model(spot_config, spot_checkpoint)
    model.test_cfg['flip_test'] = flip_test
    images, boxes = [draw_spots(), draw_spots(PEOPLE[:1])], [BOXES, BOXES[:1]]
    runtime = PoseRuntime(spot_file)
    for samples, found in zip(
        inference_topdown(model, images, boxes), runtime(images, boxes, flip_test=flip_test),
        strict=True,
    ):  # fmt: skip
        wanted = [sample.pred_instances for sample in samples]
        np.testing.assert_allclose(
            found.keypoints, np.concatenate([w.keypoints for w in wanted]), atol=1e-3
        )
        np.testing.assert_allclose(
            found.scores, np.concatenate([w.keypoint_scores for w in wanted]), atol=1e-6
        )


def test_the_size_of_batches_changes_nothing(spot_file, monkeypatch):
    images, boxes = [draw_spots()] * 3, [BOXES, BOXES[:0], BOXES[:1]]
    wanted = PoseRuntime(spot_file)(images, boxes)
    runtime = PoseRuntime(spot_file, batch_size=2)
    sizes = []
    run = runtime.session.run
    monkeypatch.setattr(runtime.session, 'run', lambda x: sizes.append(len(x)) or run(x))
    found = runtime(images, boxes)
    assert sizes == [4, 2]  # crops with their mirror images
    assert [len(each.keypoints) for each in found] == [2, 0, 1]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-4)


def test_files_arrays_formats_and_whole_images_are_taken(spot_file, tmp_path):
    runtime = PoseRuntime(spot_file)
    cv2.imwrite(str(tmp_path / 'spots.png'), draw_spots())
    corners = runtime(draw_spots(), BOXES)
    sized = np.concatenate([BOXES[:, :2], BOXES[:, 2:] - BOXES[:, :2], [[0.5], [0.25]]], axis=1)
    from_file = runtime(tmp_path / 'spots.png', sized, 'xywh')
    np.testing.assert_array_equal(from_file.keypoints, corners.keypoints)
    assert from_file.bbox_scores.tolist() == [0.5, 0.25]
    assert runtime(draw_spots()).bboxes.tolist() == [[0, 0, 200, 120]]


def test_a_file_may_keep_some_keypoints_only(tmp_path):
    description = describe_spots(keypoint_indices=(2, 0))
    path = write_spot_net(tmp_path / 'net.onnx', description=description)
    found = PoseRuntime(path)(draw_spots(), BOXES, flip_test=False)
    np.testing.assert_allclose(found.keypoints, PEOPLE[:, [2, 0]], atol=5)
    assert PoseRuntime(path)(draw_spots(), BOXES[:0]).keypoints.shape == (0, 2, 2)


def test_a_codec_of_ones_own_must_be_given(tmp_path):
    description = describe_spots(codec=dict(type='MyCodec'))
    path = write_spot_net(tmp_path / 'net.onnx', description=description)
    with pytest.raises(DataError, match="got 'MyCodec': give the codec itself"):
        PoseRuntime(path)
    codec = MSRAHeatmap((48, 64), (12, 16))
    assert PoseRuntime(path, codec=codec)(draw_spots()).scores.shape == (1, 3)


@pytest.mark.parametrize(
    'changes',
    [
        dict(output_names=('other',)),
        dict(output_names=()),
        dict(codec=dict(type='MSRAHeatmap', input_size=[48, 64], heatmap_size=[1, 1])),
        dict(crop=CropRule((64, 64))),
        dict(flip=dict(flip_test=True, other=1)),
        dict(keypoint_indices=(9,)),
    ],
)
def test_a_description_of_another_network_is_refused(tmp_path, changes):
    file = write_spot_net(tmp_path / 'net.onnx', description=describe_spots(**changes))
    with pytest.raises(DataError, match=r'net\.onnx must hold a network that makes what its desc'):
        PoseRuntime(file, 'onnxruntime')


def test_wrong_images_and_boxes_are_refused(spot_file, tmp_path):
    runtime = PoseRuntime(spot_file)
    for image in (tmp_path / 'missing.png', np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(DataError, match='image must'):
            runtime(image)
    with pytest.raises(DataError, match='wider and higher'):
        runtime(draw_spots(), [[5, 5, 5, 9]])
    with pytest.raises(DataError, match='one entry per image'):
        runtime([draw_spots()], [])
    with pytest.raises(ValueError, match='inputs must have shape'):
        runtime.infer(np.zeros((1, 3, 48, 64), np.float32))


def test_boxes_in_whole_pixels_grow_as_in_the_pipeline_of_pnfs():
    from posenas.datasets.transforms import PNFSGetBox

    box = np.float32([10.7, 20.2, 40.9, 61.1])
    rule = CropRule((48, 64), whole_pixels=True)
    wanted = PNFSGetBox()(dict(bbox=box[None], img=np.zeros((99, 99, 3), np.uint8)))
    np.testing.assert_array_equal(
        rule.find_matrix(box), CropRule((48, 64)).find_matrix(wanted['bbox'][0])
    )


def test_the_runtime_loads_no_framework(spot_file):
    code = (
        'import json, sys\n'
        'import numpy as np\n'
        'from posenas.runtime import PoseRuntime\n'
        f'found = PoseRuntime({str(spot_file)!r})(np.zeros((90, 90, 3), np.uint8))\n'
        'tops = {name.split(".")[0] for name in sys.modules}\n'
        'print(json.dumps(sorted(tops)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], env=os.environ, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert {'posenas', 'numpy', 'cv2', 'onnxruntime'} <= loaded
    assert not loaded & {'torch', 'mmengine', 'mmcv', 'scipy', 'yaml', 'rich', 'matplotlib', 'onnx'}
