"""Hooks of training and testing."""

from .check_invalid_loss import CheckInvalidLossHook
from .distill_state import DistillStateHook
from .ema_teacher import EMATeacherHook
from .nan_guard import NanGuardHook
from .plain_checkpoint import CheckpointHook, PlainCheckpointHook
from .stop_signal import StopSignalHook
from .visualization import BadCaseAnalysisHook, PoseVisualizationHook

__all__ = [
    'BadCaseAnalysisHook',
    'CheckInvalidLossHook',
    'CheckpointHook',
    'DistillStateHook',
    'EMATeacherHook',
    'NanGuardHook',
    'PlainCheckpointHook',
    'PoseVisualizationHook',
    'StopSignalHook',
]
