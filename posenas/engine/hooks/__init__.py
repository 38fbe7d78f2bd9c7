"""Hooks of training and testing."""

from .check_invalid_loss import CheckInvalidLossHook
from .nan_guard import NanGuardHook
from .plain_checkpoint import CheckpointHook, PlainCheckpointHook
from .stop_signal import StopSignalHook
from .visualization import BadCaseAnalysisHook, PoseVisualizationHook

__all__ = [
    'BadCaseAnalysisHook',
    'CheckInvalidLossHook',
    'CheckpointHook',
    'NanGuardHook',
    'PlainCheckpointHook',
    'PoseVisualizationHook',
    'StopSignalHook',
]
