"""Boxes between detections."""

import numpy as np
import pytest

from posenas.tracking import PoseBoxes, choose_interval

SIGMAS = np.full(4, 0.05)
CORNERS = np.array([[0.0, 0.0], [20.0, 0.0], [20.0, 40.0], [0.0, 40.0]])


def test_boxes_keep_their_margins_and_move_on():
    boxes = PoseBoxes(SIGMAS)
    poses, scores = CORNERS[None] + 50, np.ones((1, 4))
    boxes.detected(np.array([[48.0, 46.0, 74.0, 94.0]]), np.array([0.8]), poses, scores)
    found, bbox_scores = boxes.propose(poses, scores, (200, 200))
    np.testing.assert_allclose(found, [[48, 46, 74, 94]])
    np.testing.assert_allclose(bbox_scores, [0.8])
    found, _ = boxes.propose(poses + np.array([3, 0]), scores, (200, 200))
    np.testing.assert_allclose(found, [[54, 46, 80, 94]])  # at the keypoints, one step ahead


def test_people_without_keypoints_outside_or_found_twice_are_lost():
    boxes = PoseBoxes(SIGMAS)
    poses = np.stack([CORNERS, CORNERS + 0.1, CORNERS + 60, CORNERS + 300, CORNERS + 120])
    scores = np.ones((5, 4))
    scores[2, :2] = 0
    given = np.concatenate([poses.min(1) - 1, poses.max(1) + 1], axis=1)
    boxes.detected(given, np.arange(5.0), poses, scores)
    found, bbox_scores = boxes.propose(poses, scores, (200, 200))
    assert bbox_scores.tolist() == [0, 4]
    assert len(found) == 2


def test_keypoints_on_a_line_make_no_box():
    boxes = PoseBoxes(SIGMAS)
    line = np.array([[[50.0, 10.0], [50.0, 40.0], [50.0, 70.0], [50.0, 90.0]]])
    boxes.detected(np.array([[50.0, 0.0, 51.0, 95.0]]), np.ones(1), line, np.ones((1, 4)))
    found, scores = boxes.propose(line, np.ones((1, 4)), (200, 200))
    assert (found.shape, scores.shape) == ((0, 4), (0,))


@pytest.mark.parametrize(
    ('detect', 'pose', 'fps', 'every'),
    [(10, 100, 25, 1), (10, 10, 25, 3), (100, 10, 25, 12), (100, 10, 4, 2), (1, 0, 25, 12)],
)
def test_the_detector_takes_a_quarter_of_the_time_at_most(detect, pose, fps, every):
    assert choose_interval(detect / 1000, pose / 1000, fps) == every
