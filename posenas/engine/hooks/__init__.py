"""Hooks of training and testing."""

from .check_invalid_loss import CheckInvalidLossHook
from .nan_guard import NanGuardHook
from .plain_checkpoint import CheckpointHook, PlainCheckpointHook
from .stop_signal import StopSignalHook

__all__ = [
    'CheckInvalidLossHook',
    'CheckpointHook',
    'NanGuardHook',
    'PlainCheckpointHook',
    'StopSignalHook',
]
