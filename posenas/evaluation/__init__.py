"""Scores of predicted poses: pure functions and the metrics built on them."""

from .metrics import (
    AUC,
    EPE,
    NME,
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
    make_whole_body_metric,
)
from .notes import explain_scores
from .stored import StoredPoses, read_stored_poses, read_truth

__all__ = [
    'AUC',
    'EPE',
    'NME',
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
    'make_whole_body_metric',
    'read_stored_poses',
    'read_truth',
]
