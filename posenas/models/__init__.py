"""Networks and how they are trained: backbones, heads, losses, estimators."""

from .backbones import DiteHRNet, TinyConvNet, ViPNASBottleneck, ViPNASResNet
from .data_preprocessor import PoseDataPreprocessor
from .estimators import BasePoseEstimator, TopdownPoseEstimator
from .heads import (
    BaseHeatmapHead,
    HeatmapHead,
    PoseNASHead,
    StackedHourglassHead,
    ViPNASHead,
)
from .layers import ContextBlock, checkpoint_module, flip_heatmaps
from .losses import (
    CombinedTargetMSELoss,
    JointsMSELoss,
    KeypointMSELoss,
    KeypointOHKMMSELoss,
)

__all__ = [
    'BaseHeatmapHead',
    'BasePoseEstimator',
    'CombinedTargetMSELoss',
    'ContextBlock',
    'DiteHRNet',
    'HeatmapHead',
    'JointsMSELoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'PoseDataPreprocessor',
    'PoseNASHead',
    'StackedHourglassHead',
    'TinyConvNet',
    'TopdownPoseEstimator',
    'ViPNASBottleneck',
    'ViPNASHead',
    'ViPNASResNet',
    'checkpoint_module',
    'flip_heatmaps',
]
