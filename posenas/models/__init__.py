"""Networks and how they are trained: backbones, heads, losses, estimators."""

from .backbones import (
    CNFBackbone,
    DiteHRNet,
    Hourglass,
    HRNet,
    HRNetPyramid,
    MobileNetV2Pyramid,
    PoseNAS,
    ResNet,
    TinyConvNet,
    ViPNASBottleneck,
    ViPNASInvertedResidual,
    ViPNASMobileNetV3,
    ViPNASResNet,
)
from .data_preprocessor import PoseDataPreprocessor
from .estimators import BasePoseEstimator, FPDDistiller, TopdownPoseEstimator
from .heads import (
    BaseHeatmapHead,
    CNFHead,
    HeatmapHead,
    PoseNASHead,
    StackedHourglassHead,
    ViPNASHead,
)
from .layers import ContextBlock, SqueezeExcitation, checkpoint_module, flip_heatmaps
from .losses import (
    CombinedTargetMSELoss,
    FPDLoss,
    JointsMSELoss,
    KeypointMSELoss,
    KeypointOHKMMSELoss,
)
from .necks import PartReduceNeck

__all__ = [
    'BaseHeatmapHead',
    'BasePoseEstimator',
    'CNFBackbone',
    'CNFHead',
    'CombinedTargetMSELoss',
    'ContextBlock',
    'DiteHRNet',
    'FPDDistiller',
    'FPDLoss',
    'HRNet',
    'HRNetPyramid',
    'HeatmapHead',
    'Hourglass',
    'JointsMSELoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'MobileNetV2Pyramid',
    'PartReduceNeck',
    'PoseDataPreprocessor',
    'PoseNAS',
    'PoseNASHead',
    'ResNet',
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
