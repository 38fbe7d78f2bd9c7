"""Who is who in the frames of a video."""

import numpy as np
import pytest

from posenas.skeletons import COCO
from posenas.tracking import PersonTracker
from posenas.utils import ConfigError

SIGMAS = np.array(COCO.sigmas)


def box(x, width=10.0):
    return [x, 0.0, x + width, 20.0]


def test_people_keep_their_identity_while_their_boxes_overlap():
    tracker, video = PersonTracker(max_gap=0), object()
    frames = [[box(0), box(50)], [box(52), box(2), box(90)], [box(92)], [], [box(93), box(2)]]
    found = [tracker.follow(video, i, np.array(boxes)) for i, boxes in enumerate(frames)]
    assert found == [[0, 1], [1, 0, 2], [2], [], [3, 4]]  # missed for a frame: somebody else
    assert tracker.follow(object(), 0, np.array([box(93)])) == [5]  # another video


def test_a_short_gap_changes_nobody():
    tracker, video = PersonTracker(max_gap=5), object()
    for frame in range(4):
        assert tracker.follow(video, frame, np.array([box(3 * frame), box(100)])) == [0, 1]
    assert tracker.follow(video, 4, np.array([box(100)])) == [1]
    # after the gap the person is where the speed led, far from the last box
    assert tracker.follow(video, 7, np.array([box(100), box(21)])) == [1, 0]
    assert tracker.follow(video, 20, np.array([box(100)])) == [2]  # longer than max_gap


def pose(x, phase):
    """Keypoints of a person about x, arms and legs swinging."""
    points = np.random.default_rng(phase).uniform(0, 1, (17, 2)) * [10, 20]
    return points + np.array([x, 0])


@pytest.mark.parametrize(('sigmas', 'expected'), [(SIGMAS, [1, 0]), (None, [0, 1])])
def test_poses_tell_apart_whom_boxes_do_not(sigmas, expected):
    tracker, video = PersonTracker(sigmas), object()
    scores = np.ones((2, 17))
    boxes = np.array([box(0), box(1)])
    tracker.follow(video, 0, boxes, np.stack([pose(0, 1), pose(1, 2)]), scores)
    swapped = np.stack([pose(0, 2), pose(1, 1)])
    assert tracker.follow(video, 1, boxes, swapped, scores) == expected


def test_the_assignment_of_largest_total_likeness_wins():
    tracker, video = PersonTracker(min_likeness=0.05, use_motion=False), object()
    tracker.follow(video, 0, np.array([box(0), box(6)]))
    # greedily the first box would take the second track and leave nothing for the second box
    assert tracker.follow(video, 1, np.array([box(4), box(12)])) == [0, 1]


def test_a_video_is_known_by_its_name_and_frames_must_rise():
    tracker = PersonTracker()
    names = ['video' + str(1) for _ in range(3)]  # equal, but not the same objects
    assert [tracker.follow(n, i, np.array([box(3)])) for i, n in enumerate(names)] == [[0]] * 3
    with pytest.raises(ValueError, match='frame must be above 2, the last one, got 2'):
        tracker.follow('video1', 2, np.array([box(3)]))
    with pytest.raises(ConfigError, match='max_gap must be at least 0, got -1'):
        PersonTracker(max_gap=-1)
