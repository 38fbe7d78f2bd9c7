"""Networks and how they are trained: backbones, heads, losses, estimators."""

from .backbones import (
    DiteHRNet,
    Hourglass,
    PoseNAS,
    TinyConvNet,
    ViPNASBottleneck,
    ViPNASInvertedResidual,
    ViPNASMobileNetV3,
    ViPNASResNet,
)
from .data_preprocessor import PoseDataPreprocessor
from .estimators import BasePoseEstimator, TopdownPoseEstimator
from .heads import (
    BaseHeatmapHead,
    HeatmapHead,
    PoseNASHead,
    StackedHourglassHead,
    ViPNASHead,
)
from .layers import ContextBlock, SqueezeExcitation, checkpoint_module, flip_heatmaps
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
    'Hourglass',
    'JointsMSELoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'PoseDataPreprocessor',
    'PoseNAS',
    'PoseNASHead',
    'SqueezeExcitation',
    'StackedHourglassHead',
    'TinyConvNet',
    'TopdownPoseEstimator',
    'ViPNASBottleneck',
    'ViPNASHead',
    'ViPNASInvertedResidual',
    'ViPNASMobileNetV3',
    'ViPNASResNet',
    'checkpoint_module',
    'flip_heatmaps',
]
