"""Losses between the output of heads and encoded targets."""

from .keypoint_mse import (
    CombinedTargetMSELoss,
    JointsMSELoss,
    KeypointMSELoss,
    KeypointOHKMMSELoss,
)

__all__ = ['CombinedTargetMSELoss', 'JointsMSELoss', 'KeypointMSELoss', 'KeypointOHKMMSELoss']
