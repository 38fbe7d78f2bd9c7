import cv2
import numpy as np
import pytest

from posenas.skeletons import COCO


@pytest.fixture(scope='session')
def picture():
    noise = np.random.default_rng(0).integers(0, 255, (160, 120, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


@pytest.fixture
def sample(picture):
    """Function that makes a sample after GetBBoxCenterScale, with keypoints spread over its box."""

    def make(seed=0, visible=range(17)):
        draws = np.random.default_rng(0)
        keypoints = draws.uniform((20, 30), (80, 150), (1, 17, 2)).astype(np.float32)
        keypoints_visible = np.zeros((1, 17), np.float32)
        keypoints_visible[:, list(visible)] = 1
        return dict(
            img=picture.copy(),
            bbox=np.array([[20, 30, 80, 150]], np.float32),
            bbox_center=np.array([[50, 90]], np.float32),
            bbox_scale=np.array([[75, 150]], np.float32),
            keypoints=keypoints,
            keypoints_visible=keypoints_visible,
            flip_indices=list(COCO.flip_indices),
            upper_body_ids=list(COCO.upper_body_ids),
            lower_body_ids=list(COCO.lower_body_ids),
            dataset_keypoint_weights=np.array(COCO.joint_weights, np.float32),
            rng=np.random.default_rng(seed),
            run_seed=(seed, 0),
        )

    return make


class RecordedDraws:
    """A generator that returns what it is given, and complains when asked for something else.

    Args:
        *draws: Pairs of the method that is called and what it returns, in this order.
    """

    def __init__(self, *draws):
        self._draws = list(draws)

    def __getattr__(self, name):
        def draw(*_, **__):
            expected, value = self._draws.pop(0)
            assert name == expected, f'drew {name} where {expected} was due'
            return value

        return draw

    @property
    def is_used_up(self):
        return not self._draws


@pytest.fixture
def recorded_draws():
    return RecordedDraws
