"""Scores of predicted poses: pure functions and the metrics built on them."""

from .metrics import (
    CocoMetric,
    FrameCost,
    JhmdbPCKAccuracy,
    LspPCKMetric,
    MpiiPCKAccuracy,
    PCKAccuracy,
    PoseMetric,
    PoseTrack18Metric,
    ResultFile,
)
from .stored import StoredPoses, read_stored_poses

__all__ = [
    'CocoMetric',
    'FrameCost',
    'JhmdbPCKAccuracy',
    'LspPCKMetric',
    'MpiiPCKAccuracy',
    'PCKAccuracy',
    'PoseMetric',
    'PoseTrack18Metric',
    'ResultFile',
    'StoredPoses',
    'read_stored_poses',
]
