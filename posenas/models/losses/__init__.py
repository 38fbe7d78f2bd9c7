"""Losses between the output of heads and encoded targets."""

from .distillation import FPDLoss
from .extensions import (
    DistillExtension,
    FeatureDistill,
    HeatmapKL,
    LogitDistill,
    SelfDistillHead,
)
from .keypoint_mse import (
    CombinedTargetMSELoss,
    JointsMSELoss,
    KeypointMSELoss,
    KeypointOHKMMSELoss,
)

__all__ = [
    'CombinedTargetMSELoss',
    'DistillExtension',
    'FPDLoss',
    'FeatureDistill',
    'HeatmapKL',
    'JointsMSELoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'LogitDistill',
    'SelfDistillHead',
]
