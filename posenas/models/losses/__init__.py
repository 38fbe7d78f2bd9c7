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
from .simcc import KLDiscretLoss

__all__ = [
    'CombinedTargetMSELoss',
    'DistillExtension',
    'FPDLoss',
    'FeatureDistill',
    'HeatmapKL',
    'JointsMSELoss',
    'KLDiscretLoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'LogitDistill',
    'SelfDistillHead',
]
