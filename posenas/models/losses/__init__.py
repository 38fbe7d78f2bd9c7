"""Losses between the output of heads and encoded targets."""

from .distillation import FPDLoss
from .dwpose import FeaLoss, KDLoss
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
from .regression import AdaptiveWingLoss, SmoothL1Loss, SoftWingLoss, WingLoss
from .rle import RLELoss
from .simcc import KLDiscretLoss

__all__ = [
    'AdaptiveWingLoss',
    'CombinedTargetMSELoss',
    'DistillExtension',
    'FPDLoss',
    'FeaLoss',
    'FeatureDistill',
    'HeatmapKL',
    'JointsMSELoss',
    'KDLoss',
    'KLDiscretLoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'LogitDistill',
    'RLELoss',
    'SelfDistillHead',
    'SmoothL1Loss',
    'SoftWingLoss',
    'WingLoss',
]
