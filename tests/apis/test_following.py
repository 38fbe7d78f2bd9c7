"""Who is who in the frames of a video."""

import numpy as np

from posenas.apis.following import BoxFollower
from posenas.geometry import match_boxes


def box(x, width=10.0):
    return [x, 0.0, x + width, 20.0]


def test_people_keep_their_identity_while_their_boxes_overlap():
    follower, video = BoxFollower(), object()
    assert follower.follow(video, np.array([box(0), box(50)])) == [0, 1]
    assert follower.follow(video, np.array([box(52), box(2), box(90)])) == [1, 0, 2]
    assert follower.follow(video, np.array([box(92)])) == [2]
    assert follower.follow(video, np.zeros((0, 4))) == []
    assert follower.follow(video, np.array([box(93), box(2)])) == [3, 4]  # missed for a frame
    assert follower.follow(video, np.array([box(101)])) == [5]  # overlaps by less than 0.3
    assert follower.follow(object(), np.array([box(101)])) == [6]  # another video


def test_pairs_are_made_in_the_order_of_their_overlap():
    overlaps = np.array([[0.5, 0.6], [0.9, 0.8], [0.1, 0.2]])
    assert match_boxes(overlaps, 0.3) == [(1, 0), (0, 1)]
    assert match_boxes(np.zeros((0, 3)), 0.3) == []
