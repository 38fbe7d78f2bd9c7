"""Two models side by side, and a window."""

import cv2
import numpy as np
import pytest
from apis.spots import BOXES, draw_spots

from posenas.apis import PoseInferencer
from posenas.apis.comparing import compare_models
from posenas.apis.live import LiveWindow
from posenas.utils import ConfigError


def test_a_video_shows_two_models_side_by_side(spot_config, spot_checkpoint, video_file, tmp_path):
    models = [PoseInferencer(spot_config, spot_checkpoint, device='cpu') for _ in range(2)]
    pairs = list(compare_models(*models, video_file, tmp_path / 'out', bboxes=BOXES, kpt_thr=0.1))
    assert len(pairs) == 3
    np.testing.assert_array_equal(pairs[0][0].keypoints, pairs[0][1].keypoints)
    video = cv2.VideoCapture(str(tmp_path / 'out/clip.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) >= 400
    with pytest.raises(ConfigError, match='only once'):
        next(compare_models(*models, iter([draw_spots()]), tmp_path / 'out'))


def test_a_window_ends_when_a_key_says_so(monkeypatch):
    monkeypatch.setenv('DISPLAY', ':0')
    shown, keys = [], [255, ord('q')]
    monkeypatch.setattr(cv2, 'namedWindow', lambda *_: None)
    monkeypatch.setattr(cv2, 'destroyWindow', shown.append)
    monkeypatch.setattr(cv2, 'imshow', lambda title, image: shown.append(image))
    monkeypatch.setattr(cv2, 'waitKey', lambda _: keys.pop(0))
    monkeypatch.setattr(cv2, 'getWindowProperty', lambda *_: 1.0)
    with LiveWindow('people') as window:
        assert window.show(draw_spots()[..., ::-1])
        assert not window.show(draw_spots()[..., ::-1])
    np.testing.assert_array_equal(shown[0], draw_spots())
    assert shown[-1] == 'people'


def test_a_machine_without_a_screen_says_so(monkeypatch):
    def refuse(*_):
        raise cv2.error('no display')

    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr(cv2, 'namedWindow', refuse)
    with pytest.raises(ConfigError, match='screen'):
        LiveWindow('people')
