"""People in videos: who is who from frame to frame, smooth keypoints, boxes between detections."""

from .jitter import JitterMeter
from .pose_boxes import PoseBoxes, choose_interval
from .smoothing import OneEuroSmoother, ZeroPhaseSmoother
from .tracker import PersonTracker

__all__ = [
    'JitterMeter',
    'OneEuroSmoother',
    'PersonTracker',
    'PoseBoxes',
    'ZeroPhaseSmoother',
    'choose_interval',
]
