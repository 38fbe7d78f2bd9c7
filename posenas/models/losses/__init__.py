"""Losses between the output of heads and encoded targets."""

from .distillation import FPDLoss
from .keypoint_mse import (
    CombinedTargetMSELoss,
    JointsMSELoss,
    KeypointMSELoss,
    KeypointOHKMMSELoss,
)

__all__ = [
    'CombinedTargetMSELoss',
    'FPDLoss',
    'JointsMSELoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
]
