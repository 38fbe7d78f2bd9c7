"""Detection by two functions: boxes of photos of any size, in their pixels."""

import cv2
import numpy as np
import pytest
import torch

from posenas.apis import detect_people, find_config, init_detector
from posenas.utils import ConfigError, DataError

CONFIG = 'center_box_people_576x576'
SMALL = {
    'model.backbone.stem_channels': (4, 4),
    'model.backbone.channels': (4, 4, 4),
    'model.backbone.num_blocks': (1, 1, 1),
    'model.neck.in_channels': (4, 4, 4),
    'model.neck.channels': (4, 4, 4),
    'model.head.in_channels': 4,
    'model.head.decoder.with_half': False,
    'test_dataloader.dataset.pipeline.1.size': (320, 320),
}


@pytest.fixture
def detector():
    torch.manual_seed(0)
    return init_detector(find_config(CONFIG), device='cpu', cfg_options=SMALL)


def force(model, row, column, distances):
    """Let the network see one person at a heatmap pixel, distances in pixels of the canvas."""
    maps = torch.zeros(1, 5, 80, 80)
    maps[0, 1:] = torch.tensor(distances)[:, None, None]
    maps[0, 0, row, column] = 0.9
    model.head.forward = lambda feats: maps.expand(len(feats[-1]), -1, -1, -1)


def test_boxes_are_in_pixels_of_the_photo(detector, tmp_path):
    force(detector, row=20, column=30, distances=(20.0, 40.0, 20.0, 60.0))
    wide = np.zeros((320, 640, 3), np.uint8)  # half its size on the canvas
    found = detect_people(detector, wide)
    np.testing.assert_allclose(found.bboxes, [[200, 80, 280, 280]])
    np.testing.assert_allclose(found.scores, [0.9], rtol=1e-6)
    cv2.imwrite(str(tmp_path / 'small.png'), wide[:80, :160])
    small, same = detect_people(detector, [tmp_path / 'small.png', wide])
    np.testing.assert_allclose(small.bboxes, [[50, 20, 70, 70]])
    np.testing.assert_allclose(same.bboxes, found.bboxes)


def test_boxes_stay_within_the_photo_and_above_the_threshold(detector):
    force(detector, row=1, column=1, distances=(50.0, 50.0, 500.0, 500.0))
    photo = np.zeros((300, 200, 3), np.uint8)
    np.testing.assert_allclose(detect_people(detector, photo).bboxes, [[0, 0, 200, 300]])
    assert len(detect_people(detector, photo, score_thr=0.95).bboxes) == 0


def test_what_is_no_detector_or_no_photo_is_refused(detector):
    with pytest.raises(ConfigError, match='PersonDetector'):
        init_detector('tiny_synthetic_128x96')
    with pytest.raises(DataError, match='an image must have shape'):
        detect_people(detector, np.zeros((5, 5, 4), np.uint8))
