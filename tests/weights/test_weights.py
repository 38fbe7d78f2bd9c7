"""The weights that come with the library: cards, and the same people in all engines."""

import json
import re
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.numpy import load_file
from source_files import ROOT

from posenas.apis import PoseInferencer, find_config
from posenas.apis.exporting import export_network, render_people
from posenas.apis.model_zoo import find_model
from posenas.cli import main
from posenas.geometry import bbox_iou
from posenas.runtime import ENGINES, DetectorRuntime, PoseRuntime
from posenas.utils import ConfigError
from posenas.weights import DEFAULT_DETECTOR, DEFAULT_POSE, SHIPPED, list_shipped, require_shipped

NETWORKS = list_shipped()
BOX = np.array([[100, 60, 400, 460]])
#: What a card says beside the names of its network.
TEXTS = ('data', 'licences', 'hours', 'seed')


def test_a_pose_network_and_a_detector_ship_within_ten_megabytes():
    assert {DEFAULT_POSE, DEFAULT_DETECTOR} <= {found.name for found in NETWORKS}
    files = [
        file
        for found in NETWORKS
        for file in (found.onnx, found.safetensors, found.int8)
        if file != found.int8 or file.is_file()
    ]
    # a wheel is compressed, and its code takes 1.5 of the ten
    assert sum(len(zlib.compress(file.read_bytes())) for file in files) < 8.4e6


@pytest.mark.parametrize('found', NETWORKS, ids=lambda found: found.name)
def test_a_card_says_what_the_weights_are(found):
    assert find_config(found.config) == find_config(found.name)
    assert set(found.card['aliases']) <= set(find_model(found.config).aliases)
    assert all(found.card[key] for key in (*TEXTS, 'commands', 'figures', 'weaknesses'))
    assert {array.dtype.name for array in load_file(found.safetensors).values()} <= {
        'float16',
        'int64',
    }
    assert str(Path.home()) not in json.dumps(found.card)


def test_engines_and_pytorch_find_the_same_people():
    (picture,) = render_people((640, 480), 1)
    pose, people = require_shipped(DEFAULT_POSE), require_shipped(DEFAULT_DETECTOR)
    given = dict(det_model=people.config, det_weights=people.safetensors, device='cpu')
    inferencer = PoseInferencer(pose.config, pose.safetensors, **given)
    (wanted,) = inferencer.predict(picture)
    assert len(wanted.bboxes)
    for engine in ENGINES:
        (boxes,) = DetectorRuntime(engine=engine)([picture])
        assert bbox_iou(boxes.bboxes, wanted.bboxes).max(axis=1).min() > 0.9
        seen = PoseRuntime(engine=engine)(picture, wanted.bboxes)
        gaps = np.abs(seen.keypoints - wanted.keypoints).max(axis=2)
        assert gaps[seen.scores > 0.2].max() <= 0.5


def test_the_example_of_the_page_on_weights_runs(tmp_path, monkeypatch):
    text = (ROOT / 'docs' / 'weights.md').read_text(encoding='utf-8')
    (block,) = re.findall(r'^```python\n(.*?)^```$', text, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('photo.jpg', render_people((640, 480), 1)[0])
    names: dict = {}
    exec(block, names)  # noqa: S102  (our own page)
    assert names['found'].keypoints.shape == (len(names['people'].bboxes), 17, 2)


def test_the_network_in_eight_bits_finds_nearly_the_same_people():
    (picture,) = render_people((640, 480), 1)
    (wanted,) = PoseInferencer(det_model=DEFAULT_DETECTOR).predict(picture)
    (found,) = PoseInferencer(f'{DEFAULT_POSE}_int8', det_model=DEFAULT_DETECTOR).predict(picture)
    np.testing.assert_array_equal(found.bboxes, wanted.bboxes)
    sizes = np.ptp(wanted.bboxes.reshape(-1, 2, 2), axis=1).max(axis=1)
    gaps = np.linalg.norm(found.keypoints - wanted.keypoints, axis=2) / sizes[:, None]
    assert np.median(gaps[wanted.scores > 0.3]) < 0.02
    for engine in ENGINES:
        runtime = PoseRuntime(f'{DEFAULT_POSE}_int8', engine=engine)
        assert runtime.description.precision == 'int8'


def test_pytorch_does_not_run_eight_bits():
    with pytest.raises(ConfigError, match='_int8 must run in an inference engine'):
        PoseInferencer(f'{DEFAULT_POSE}_int8', cfg_options={'model.test_cfg.flip_test': True})


def test_a_network_that_ships_is_exported_with_its_weights(tmp_path):
    made = export_network(DEFAULT_POSE, None, tmp_path / 'api.onnx')
    assert main(['export', DEFAULT_POSE, '--out', str(tmp_path / 'cli.onnx')]) == 0
    (picture,) = render_people((640, 480), 1)
    runtimes = [PoseRuntime(file) for file in (made.files[0], tmp_path / 'cli.onnx', None)]
    first, second, shipped = (runtime(picture).keypoints for runtime in runtimes)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, shipped, atol=0.5)


def test_visibility_ships_and_is_alike_in_both_forms(tmp_path):
    (picture,) = render_people((640, 480), 1)
    pose = require_shipped(DEFAULT_POSE)
    cv2.imwrite(str(tmp_path / 'photo.jpg'), picture)
    words = ['infer', str(tmp_path / 'photo.jpg'), '--visibility', '--no-pictures', '--out']
    assert main([*words, str(tmp_path / 'out')]) == 0
    told = json.loads((tmp_path / 'out/predictions/photo.json').read_text())
    shares = np.array([person['keypoint_visibilities'] for person in told])
    assert ((shares > 0) & (shares < 1)).all()
    found = [
        next(PoseInferencer(*network, 'cpu', visibility=pose.visibility).predict(picture, BOX))
        for network in ((pose.config, pose.safetensors), (None, pose.onnx))
    ]
    np.testing.assert_allclose(found[0].visibilities, found[1].visibilities, atol=0.05)
    with pytest.raises(ConfigError, match='must be a file of posenas visibility'):
        PoseInferencer(pose.config, pose.safetensors, visibility=SHIPPED)


def test_the_list_of_networks_marks_them(capsys):
    assert main(['models', 'posenas_small', 'posenas_people', '--details']) == 0
    printed = capsys.readouterr().out
    assert printed.count('come with posenas: ') == 2
    assert 'weakness' in printed
