"""Boxes by exported detectors, without PyTorch."""

import cv2
import numpy as np
import pytest
from exported_spots import write_box_net, write_spot_net

from posenas.runtime import ENGINES, CropRule, DetectorRuntime, PoseRuntime
from posenas.utils import DataError


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
