import cv2
import numpy as np
import pytest

from posenas.datasets.transforms import YOLOXHSVRandomAug
from posenas.utils.errors import ConfigError


def test_shifts_stay_within_their_limits_and_happen_half_of_the_time(sample):
    size = (16, 16, 3)
    gray = np.full(size, 100, np.uint8)  # no hue and no saturation: only the value can change
    levels = []
    for seed in range(200):
        results = dict(sample(seed), img=gray)
        levels.append(int(YOLOXHSVRandomAug(0, 0, 30)(results)['img'][0, 0, 0]))
    assert min(levels) >= 70
    assert max(levels) <= 130
    assert 70 < sum(level == 100 for level in levels) < 135  # half, and what is cut to no shift


def test_hue_goes_round(recorded_draws):
    red = np.full((4, 4, 3), (0, 0, 255), np.uint8)
    rng = recorded_draws(('uniform', np.array([-1.0, 0, 0])), ('integers', np.array([1, 0, 0])))
    changed = YOLOXHSVRandomAug(hue_delta=5)(dict(img=red, rng=rng))['img']
    assert cv2.cvtColor(changed, cv2.COLOR_BGR2HSV)[0, 0, 0] == 175


def test_a_negative_delta_is_refused():
    with pytest.raises(ConfigError, match='deltas must not be negative'):
        YOLOXHSVRandomAug(value_delta=-1)
