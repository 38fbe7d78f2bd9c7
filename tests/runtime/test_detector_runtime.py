"""Boxes by exported detectors, without PyTorch."""

import cv2
import numpy as np
import pytest
from exported_spots import write_box_net, write_foreign_detector, write_spot_net

from posenas.runtime import ENGINES, CropRule, DetectorRuntime, PoseRuntime
from posenas.utils import ConfigError, DataError


@pytest.fixture(scope='module')
def box_file(tmp_path_factory):
    return write_box_net(tmp_path_factory.mktemp('net') / 'boxes.onnx')


def draw_square(width, height, left, top, side):
    image = np.zeros((height, width, 3), np.uint8)
    cv2.rectangle(image, (left, top), (left + side - 1, top + side - 1), (255, 255, 255), -1)
    return image


@pytest.mark.parametrize('engine', ENGINES)
def test_boxes_are_in_pixels_of_photos_of_any_size(box_file, engine, tmp_path):
    runtime = DetectorRuntime(box_file, engine, batch_size=2)
    small = draw_square(96, 64, 40, 32, 4)  # its heatmap pixel is (10, 8)
    cv2.imwrite(str(tmp_path / 'large.png'), draw_square(192, 128, 80, 64, 8))
    found = list(runtime([small, tmp_path / 'large.png', small[:32]]))
    np.testing.assert_allclose(found[0].bboxes, [[20, 2, 60, 62]], atol=1e-4)
    np.testing.assert_allclose(found[1].bboxes, [[40, 4, 120, 124]], atol=1e-4)
    np.testing.assert_allclose(found[0].scores, [1], atol=1e-6)
    assert len(found[2].bboxes) == 0
    grey = np.where(small > 0, 100, 0).astype(np.uint8)
    assert len(next(runtime([grey])).bboxes) == 0
    assert len(next(runtime([grey], score_thr=0.3)).bboxes) == 1


def test_detectors_and_pose_networks_are_not_exchanged(box_file, tmp_path):
    with pytest.raises(DataError, match='must find keypoints, got the detector boxes'):
        PoseRuntime(box_file)
    with pytest.raises(DataError, match='must hold a detector of people, got spots'):
        DetectorRuntime(write_spot_net(tmp_path / 'spots.onnx'))
    with pytest.raises(ValueError, match='must be a grey level'):
        CropRule((8, 8), pad_value=256)


@pytest.mark.parametrize('engine', ENGINES)
def test_detectors_of_other_projects_find_people_once_their_layout_is_said(engine, tmp_path):
    dets = np.float32([[[8, 16, 40, 64, 0.9], [0, 0, 9, 9, 0.8], [0, 0, 5, 5, 0.1]]])
    listed = dict(dets=dets, labels=np.array([[0, 7, 0]]))
    path = write_foreign_detector(tmp_path / 'rtmdet.onnx', listed)
    runtime = DetectorRuntime(path, engine, layout='rtmdet')
    photo = np.zeros((128, 192, 3), np.uint8)  # twice as large as the input
    for people in runtime([photo, photo]):
        np.testing.assert_allclose(people.bboxes, [[16, 32, 80, 128]])
        np.testing.assert_allclose(people.scores, [0.9], rtol=1e-6)
    rows = np.zeros((1, 126, 85), np.float32)
    rows[0, 0] = [1, 2, np.log(4), np.log(6), 0.5, 1, *np.zeros(79)]
    path = write_foreign_detector(tmp_path / 'yolox.onnx', dict(output=rows))
    (people,) = DetectorRuntime(path, engine, layout='yolox')([photo[:64, :96]])
    np.testing.assert_allclose(people.bboxes, [[0, 0, 24, 40]], atol=1e-4)


def test_files_of_other_projects_are_refused_with_what_must_be_said(tmp_path):
    rows = np.zeros((1, 126, 85), np.float32)
    path = write_foreign_detector(tmp_path / 'yolox.onnx', dict(output=rows))
    with pytest.raises(DataError, match=r"or have a layout, one of \('yolox', 'rtmdet'\)"):
        DetectorRuntime(path)
    with pytest.raises(DataError, match='must make dets and labels as exports of rtmdet do'):
        DetectorRuntime(path, layout='rtmdet')
    with pytest.raises(ConfigError, match='layout'):
        DetectorRuntime(path, layout='ssd')
    other = write_foreign_detector(tmp_path / 'other.onnx', dict(output=rows), sides=(64, 64))
    with pytest.raises(DataError, match='must hold a network that makes what its description'):
        DetectorRuntime(other, 'onnxruntime', layout='yolox')
    free = write_foreign_detector(tmp_path / 'free.onnx', dict(output=rows), sides=('h', 'w'))
    with pytest.raises(DataError, match='a fixed height and width'):
        DetectorRuntime(free, layout='yolox')
