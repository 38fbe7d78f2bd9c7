"""What heatmaps tell of visible and of occluded keypoints."""

import json

import numpy as np
import pytest

from posenas.codecs import VisibilityCalibrator, read_features
from posenas.codecs.visibility import FEATURES
from posenas.utils import ConfigError, DataError


def draw_peak(height, sigma, x=12, y=8, second=0.0):
    """Draw one heatmap of 24 x 32 with a peak, and a second one far away."""
    columns, rows = np.arange(24), np.arange(32)[:, None]
    first = height * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    other = second * np.exp(-((columns - 20) ** 2 + (rows - 28) ** 2) / (2 * sigma**2))
    return np.maximum(first, other)


def test_features_are_those_of_the_peak():
    maps = np.stack([draw_peak(0.8, 1), draw_peak(0.4, 1.5, second=0.2), np.zeros((32, 24))])
    found = dict(zip(FEATURES, read_features(maps[None])[0].T, strict=True))
    np.testing.assert_allclose(found['peak'], [0.8, 0.4, 1e-3])
    assert found['log of the spread'][0] < found['log of the spread'][1]
    np.testing.assert_allclose(found['second peak'], [0, 0.5, 0], atol=0.02)
    np.testing.assert_allclose(found['height in the crop'], [8.5 / 32, 8.5 / 32, 0.5 / 32])
    np.testing.assert_allclose(found['distance to the border'][0], 8.5 / 32)


@pytest.fixture
def calibrator():
    slopes = [1.0] + [0.0] * (len(FEATURES) - 1)
    ones, zeros = [1.0] * len(FEATURES), [0.0] * len(FEATURES)
    return VisibilityCalibrator(
        ('a', 'b'), True, tuple(zeros), tuple(ones), tuple(slopes), (0.0, 2.0), (0.0, 1.0), {}
    )


def test_probabilities_follow_the_terms_of_each_keypoint(calibrator, tmp_path):
    maps = np.stack([draw_peak(np.exp(-1), 1)] * 2)[None]
    wanted = 1 / (1 + np.exp(-np.array([[-1.0, -1 + 2 - 1]])))
    np.testing.assert_allclose(calibrator.predict(maps), wanted, rtol=1e-5)
    calibrator.save(tmp_path / 'v.json')
    assert VisibilityCalibrator.load(tmp_path / 'v.json') == calibrator


def test_other_networks_and_other_files_are_refused(calibrator, tmp_path):
    for names, flip_test in ((('a', 'c'), True), (('a', 'b'), False)):
        with pytest.raises(ConfigError, match='must be fitted to this network'):
            calibrator.check(names, flip_test, 'v.json')
    path = tmp_path / 'v.json'
    calibrator.save(path)
    sound = json.loads(path.read_text())
    for damage in ({'schema': 'x'}, {'slopes': [1]}, {'names': 'ab'}, {'means': None}):
        path.write_text(json.dumps(sound | damage))
        with pytest.raises(DataError, match='must be a calibration of visibility'):
            VisibilityCalibrator.load(path)
