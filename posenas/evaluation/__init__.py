"""Scores of predicted poses: pure functions and the metrics built on them."""

from .metrics import (
    CocoBoxMetric,
    CocoMetric,
    FrameCost,
    JhmdbPCKAccuracy,
    LspPCKMetric,
    MpiiPCKAccuracy,
    PCKAccuracy,
    PeopleCollector,
    PoseMetric,
    PoseTrack18Metric,
    ResultFile,
)
from .notes import explain_scores
from .stored import StoredPoses, read_stored_poses, read_truth

__all__ = [
    'CocoBoxMetric',
    'CocoMetric',
    'FrameCost',
    'JhmdbPCKAccuracy',
    'LspPCKMetric',
    'MpiiPCKAccuracy',
    'PCKAccuracy',
    'PeopleCollector',
    'PoseMetric',
    'PoseTrack18Metric',
    'ResultFile',
    'StoredPoses',
    'explain_scores',
    'read_stored_poses',
    'read_truth',
]
