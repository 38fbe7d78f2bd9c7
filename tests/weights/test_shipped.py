"""Networks that come with the library are what is used where none is named."""

import json

import cv2
import numpy as np
import pytest
from exported_spots import write_box_net, write_spot_net

import posenas.weights.shipped
from posenas.apis import PoseInferencer, init_detector, init_model
from posenas.cli import main
from posenas.runtime import DetectorRuntime, PoseRuntime
from posenas.utils import ConfigError
from posenas.weights import find_shipped, list_shipped


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    folder = tmp_path / 'weights'
    folder.mkdir()
    monkeypatch.setattr(posenas.weights.shipped, 'FOLDER', folder)
    names = dict(posenas_small=('pose', write_spot_net), posenas_people=('detector', write_box_net))
    for name, (task, write) in names.items():
        card = dict(config='tiny_synthetic_128x96', task=task)
        (folder / f'{name}.json').write_text(json.dumps(card))
        write(folder / f'{name}.onnx')
    return folder


@pytest.fixture
def photo(tmp_path):
    image = np.zeros((64, 96, 3), np.uint8)
    cv2.rectangle(image, (40, 32), (43, 35), (255, 255, 255), -1)
    cv2.imwrite(str(tmp_path / 'photo.png'), image)
    return tmp_path / 'photo.png'


def test_every_door_takes_them(shipped, photo, tmp_path, capsys):
    assert [found.task for found in list_shipped()] == ['detector', 'pose']
    assert find_shipped('posenas_small').onnx == shipped / 'posenas_small.onnx'
    (people,) = DetectorRuntime()([photo])
    assert people.bboxes.tolist() == [[20, 2, 60, 62]]
    for path in (None, 'posenas_small', shipped / 'posenas_small.onnx'):
        assert PoseRuntime(path)(photo, people.bboxes).keypoints.shape == (1, 3, 2)
    assert init_detector(device='cpu').description.name == 'boxes'
    assert init_model('posenas_small', device='cpu').dataset_meta['dataset_name'] == 'spots'
    (found,) = PoseInferencer().predict(photo)
    assert found.bboxes.tolist() == [[20, 2, 60, 62]]
    (whole,) = PoseInferencer(det_model='whole_image').predict(photo)
    assert whole.bboxes.tolist() == [[0, 0, 96, 64]]
    assert main(['infer', str(photo), '--out', str(tmp_path / 'out')]) == 0
    assert '1 people' in capsys.readouterr().out
    assert main(['infer', str(photo), '--detector', 'none', '--out', str(tmp_path / 'out')]) == 0
    assert 'taken as one person' in capsys.readouterr().out


def test_a_copy_without_them_says_what_to_give(shipped, photo, capsys):
    for file in shipped.iterdir():
        file.unlink()
    with pytest.raises(ConfigError, match='posenas_small does not come with this copy'):
        PoseInferencer()
    with pytest.raises(ConfigError, match='posenas_people does not come with this copy'):
        DetectorRuntime()
    assert main(['infer', str(photo)]) == 2
    assert 'posenas_small must have weights' in capsys.readouterr().err


def test_without_an_engine_pytorch_computes(shipped, monkeypatch):
    found = find_shipped('posenas_small')
    assert found.choose_file() == found.onnx
    assert found.choose_file(needs_torch=True) == found.safetensors
    monkeypatch.setattr(posenas.weights.shipped, 'find_spec', lambda name: None)
    assert found.choose_file() == found.safetensors
