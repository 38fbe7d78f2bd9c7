"""Networks for videos as files: a key network, light ones, and a memory outside of them."""

import shutil

import numpy as np
import pytest
import torch

from posenas.apis import build_model, init_model
from posenas.apis.building import load_checked
from posenas.apis.exporting import export_model
from posenas.apis.inference import TopdownPipeline, predict_crops
from posenas.models.settling import draw_settled_weights
from posenas.runtime import ENGINES, PoseRuntime, VideoRuntime
from posenas.utils import ConfigError, DataError

for _engine in ENGINES:
    pytest.importorskip(_engine)

SIZE = (160, 120)
NUM_FRAMES = 6


def forget_dark(node):
    """Let every copy of the codec do without DARK, which amplifies rounding on flat heatmaps."""
    if isinstance(node, dict) and 'unbiased' in node:
        node['unbiased'] = False
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            forget_dark(child)


@pytest.fixture(scope='module')
def network():
    """The smallest network for videos, with a period of three frames, whose fusion matters."""
    cfg = load_checked('t_tiny_synthetic_video_128x96')
    forget_dark(cfg._cfg_dict)
    cfg.model.frames = cfg.model.frames[:2]
    network = build_model(cfg)
    torch.manual_seed(0)
    draw_settled_weights(network.model, torch.randn(8, 3, 128, 96))
    for net in network.model.frames:
        torch.nn.init.constant_(net.fusion.last_norm.weight, 1.0)
    network.model.eval()
    return network


@pytest.fixture(scope='module')
def exported(network, tmp_path_factory):
    """The network and its files."""
    folder = tmp_path_factory.mktemp('video')
    return network, folder, export_model(network, folder / 'net.onnx', name='tiny')


def make_frames():
    """Frames of noise, and two people who walk through them."""
    rng = np.random.Generator(np.random.PCG64(0))
    frames = [rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8) for _ in range(NUM_FRAMES)]
    boxes = [
        np.float32([[10 + 3 * i, 10, 60 + 3 * i, 100 + i], [90 - 2 * i, 20, 140 - 2 * i, 110]])
        for i in range(NUM_FRAMES)
    ]
    return frames, boxes


def predict(model, frames, boxes, order):
    """What the model in PyTorch finds, frame by frame, people in the given order."""
    results = []
    pipeline = TopdownPipeline(model.cfg, model.dataset_meta)
    for frame, (image, corners) in enumerate(zip(frames, boxes, strict=True)):
        crops = list(pipeline.crop(pipeline.load(image), corners[order], 'xyxy'))
        for track, crop in zip(order, crops, strict=True):
            place = dict(video_id='v', frame_id=frame, track_id=track)
            crop['data_samples'].set_metainfo(place)
        results.append(list(predict_crops(model, iter(crops))))
    return results


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('flip_test', [False, True])
def test_the_runtime_finds_what_the_model_finds_in_every_frame(exported, engine, flip_test):
    network, folder, _ = exported
    compare(network, VideoRuntime(folder / 'net.onnx', engine, threads=1), flip_test)


@pytest.mark.slow
def test_so_does_that_of_openvinos_files(network, tmp_path):
    export_model(network, tmp_path / 'net.xml', name='tiny')
    compare(network, VideoRuntime(tmp_path / 'net.xml', threads=1), flip_test=True)


def compare(network, runtime, flip_test):
    """Follow two people, in the other order, in PyTorch and in an engine."""
    model = init_model(network.cfg)
    model.load_state_dict(network.model.state_dict())
    model.test_cfg.update(flip_test=flip_test)
    frames, boxes = make_frames()
    for i, samples in enumerate(predict(model, frames, boxes, [1, 0])):
        found = runtime(frames[i], boxes[i][[1, 0]], [1, 0], i, flip_test=flip_test)
        assert found.positions == (i % 3,) * 2
        for row, sample in enumerate(samples):
            wanted = sample.pred_instances
            np.testing.assert_allclose(found.keypoints[row], wanted.keypoints[0], atol=1e-2)
            np.testing.assert_allclose(found.scores[row], wanted.keypoint_scores[0], atol=1e-4)
            assert sample.metainfo['period_position'] == found.positions[row]


def test_a_config_with_the_exported_networks_predicts_counts_and_forgets_as_the_model(exported):
    network, folder, _ = exported
    own = init_model(network.cfg)
    own.load_state_dict(network.model.state_dict())
    frames, boxes = make_frames()
    wanted = predict(own, frames, boxes, [0, 1])
    for config in (network.cfg, None):
        model = init_model(config, folder / 'net.onnx')
        for again in range(2):
            for samples, others in zip(wanted, predict(model, frames, boxes, [0, 1]), strict=True):
                for one, other in zip(samples, others, strict=True):
                    np.testing.assert_allclose(
                        one.pred_instances.keypoints, other.pred_instances.keypoints, atol=1e-2
                    )
                    for name in ('period_position', 'macs', 'params'):
                        assert one.metainfo[name] == other.metainfo[name], (again, name)
            assert len(model.memory) == 2
            model.train().eval()
            assert len(model.memory) == 0


def test_people_without_names_are_followed_by_the_overlap_of_their_boxes(exported):
    frames, boxes = make_frames()
    runtime = VideoRuntime(exported[1] / 'net.onnx', threads=1)
    first = runtime(frames[0], boxes[0])
    assert len(set(first.track_ids)) == 2
    swapped = runtime(frames[1], boxes[1][::-1])
    assert swapped.track_ids == first.track_ids[::-1]
    assert swapped.positions == (1, 1)
    jumped = runtime(frames[2], [[0, 0, 9, 9], boxes[2][0]])
    assert jumped.positions == (0, 2)
    assert jumped.track_ids[0] not in first.track_ids
    assert runtime(frames[3], np.zeros((0, 4))).keypoints.shape == (0, 17, 2)
    late = runtime(frames[4], boxes[4])
    assert late.positions == (0, 0)
    assert runtime(frames[4], boxes[4], video_id='other').positions == (0, 0)
    runtime.clear()
    assert runtime(frames[5], boxes[5], frame_id=7).positions == (0, 0)


def test_an_empty_frame_forgets_nobody_whom_the_networks_may_miss(exported):
    frames, boxes = make_frames()
    runtime = VideoRuntime(exported[1] / 'net.onnx', threads=1)
    runtime.memory.max_gap = 2
    runtime(frames[0], boxes[0], track_ids=[7, 8], frame_id=0)
    runtime(frames[1], np.zeros((0, 4)), frame_id=1)
    assert runtime(frames[2], boxes[0], track_ids=[7, 8], frame_id=2).positions == (1, 1)
    runtime(frames[3], np.zeros((0, 4)), frame_id=5)
    assert len(runtime.memory) == 0


def test_wrong_names_of_people_are_refused(exported):
    frames, boxes = make_frames()
    runtime = VideoRuntime(exported[1] / 'net.onnx', threads=1)
    for names in ([0], [0, 0], [0, 1, 2]):
        with pytest.raises(DataError, match='track_ids must be one for each of 2 boxes'):
            runtime(frames[0], boxes[0], names)


def test_every_file_is_proved_and_says_its_part(exported):
    network, folder, result = exported
    names = ['net.onnx', 'net_frame1.onnx', 'net_frame2.onnx']
    assert sorted(path.name for path in folder.glob('*.onnx')) == names
    assert result.description.video.frames == tuple(names[1:])
    for i, each in enumerate((result, *result.light)):
        assert each.description.video.position == i
        assert each.proof.largest.outputs <= each.proof.limit
        assert each.description.params == network.model.count_parameters()[i]
        assert each.description.macs == network.model.count_macs((128, 96))[i]


def test_files_of_other_exports_or_alone_are_refused(exported, tmp_path):
    _, folder, _ = exported
    with pytest.raises(DataError, match='the network of frames between key frames'):
        PoseRuntime(folder / 'net_frame1.onnx')
    assert PoseRuntime(folder / 'net.onnx')(make_frames()[0][0]).keypoints.shape == (1, 17, 2)
    for path in folder.glob('*.onnx'):
        shutil.copy(path, tmp_path)
    shutil.copy(folder / 'net_frame2.onnx', tmp_path / 'net_frame1.onnx')
    with pytest.raises(DataError, match=r'for frame 1 of a period.* for frame 2'):
        VideoRuntime(tmp_path / 'net.onnx')
    (tmp_path / 'net_frame1.onnx').unlink()
    with pytest.raises(DataError, match=r'net_frame1\.onnx must exist'):
        VideoRuntime(tmp_path / 'net.onnx')


def test_a_network_of_single_images_is_no_network_for_videos(tiny_export):
    with pytest.raises(DataError, match='open it by PoseRuntime'):
        VideoRuntime(tiny_export[0] / 'tiny.onnx')


def test_eight_bits_are_refused(exported, tmp_path):
    with pytest.raises(ConfigError, match='--precision f32 or f16'):
        export_model(exported[0], tmp_path / 'net.onnx', 'int8')
