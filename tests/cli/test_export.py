"""``posenas export``, and exported files where commands take checkpoints."""

import json
import os
import sys

import cv2
import numpy as np
import pytest
from apis.spots import BOXES, PEOPLE, draw_spots, spot_checkpoint, spot_config
from exported_spots import write_spot_net

from posenas.cli import main

__all__ = ['spot_checkpoint', 'spot_config']


def test_a_network_is_exported_and_runs_where_checkpoints_do(
    spot_config, spot_checkpoint, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('spots.png', draw_spots())
    boxes = {'spots.png': BOXES.tolist()}
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    assert main(['export', str(spot_config), str(spot_checkpoint), '--out', 'net.onnx']) == 0
    out = capsys.readouterr().out
    assert 'synthetic people' in out
    assert 'wrote net.onnx: 0.0 MiB, 1 parameters, 0.000 GMACs' in out
    assert [line.split()[:2] for line in out.splitlines() if ' 5 ' in line] == [
        ['onnxruntime', '5'],
        ['openvino', '5'],
    ]
    infer = ['infer', 'spots.png', '--boxes', 'boxes.json', '--out-dir']
    configured = ['--config', str(spot_config)]
    runs = dict(
        weights=[*configured, '--checkpoint', str(spot_checkpoint)],
        file=[*configured, '--checkpoint', 'net.onnx'],
        alone=['--checkpoint', 'net.onnx'],
    )
    found = {}
    for name, options in runs.items():
        assert main([*infer, name, *options]) == 0
        people = json.loads((tmp_path / name / 'predictions' / 'spots.json').read_text())
        people = people.get('instances', people) if isinstance(people, dict) else people
        found[name] = np.array([person['keypoints'] for person in people])
    np.testing.assert_allclose(found['weights'], PEOPLE, atol=5)
    np.testing.assert_allclose(found['file'], found['weights'], atol=1e-3)
    np.testing.assert_array_equal(found['alone'], found['file'])


def test_an_exported_network_is_tested_like_a_checkpoint(
    spot_config, spot_checkpoint, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('spots.png', draw_spots())
    write_spot_net('net.onnx')
    people = [
        dict(
            id=i,
            image_id=1,
            category_id=1,
            area=100,
            iscrowd=0,
            bbox=[*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
            keypoints=[float(v) for x, y in joints for v in (x, y, 2)],
            num_keypoints=3,
        )
        for i, (box, joints) in enumerate(zip(BOXES, PEOPLE, strict=True))
    ]
    category = dict(id=1, name='person', keypoints=['blue', 'green', 'red'], skeleton=[])
    images = [dict(id=1, file_name='spots.png', width=200, height=120)]
    truth = dict(images=images, annotations=people, categories=[category])
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    (tmp_path / 'config.py').write_text(
        f'_base_ = [{str(spot_config)!r}]\n'
        "test_dataloader = dict(dataset=dict(ann_file='truth.json'))\n"
        "test_evaluator = dict(type='PCKAccuracy', thr=0.04)\n"
        "test_cfg = dict()\nlog_level = 'ERROR'\n"
    )
    scores = {}
    for weights in (str(spot_checkpoint), 'net.onnx'):
        assert main(['test', 'config.py', weights, '--out-metrics', 'scores.json']) == 0
        scores[weights] = json.loads((tmp_path / 'scores.json').read_text())
    found, wanted = scores['net.onnx'], scores[str(spot_checkpoint)]
    assert found == wanted
    assert 0 < found['PCK'] < 1
    assert main(['test', 'config.py', 'net.onnx', '--fuse-conv-bn']) == 2
    assert 'whose layers are fused' in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != 'linux', reason='names of files are bytes on Linux alone')
def test_names_of_exported_files_need_not_be_utf8(tmp_path, capsys):
    folder = tmp_path / os.fsdecode(b'b\xe4r')
    folder.mkdir()
    cv2.imwrite(str(tmp_path / 'spots.png'), draw_spots())
    write_spot_net(folder / 'net.onnx')
    words = [str(tmp_path / 'spots.png'), '--checkpoint', str(folder / 'net.onnx')]
    assert main(['infer', *words, '--out-dir', str(folder / 'out')]) == 0
    assert '1 images, 1 people' in capsys.readouterr().out


def test_infer_without_config_needs_an_exported_file(spot_checkpoint, tmp_path, capsys):
    photo = str(tmp_path / 'photo.png')
    cv2.imwrite(photo, draw_spots())
    assert main(['infer', photo, '--checkpoint', str(spot_checkpoint)]) == 2
    assert 'a config must be given, got none' in capsys.readouterr().err


def test_a_file_that_was_not_exported_here_is_refused(spot_config, tmp_path, capsys):
    (tmp_path / 'other.onnx').write_bytes(b'')
    photo = str(tmp_path / 'photo.png')
    cv2.imwrite(photo, draw_spots())
    words = ['infer', photo, '--checkpoint', str(tmp_path / 'other.onnx')]
    assert main(words) == 2
    assert 'must be a network that onnxruntime can open' in capsys.readouterr().err
