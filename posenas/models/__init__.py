"""Networks and how they are trained: backbones, heads, losses, estimators."""

from .backbones import (
    CNFBackbone,
    DiteHRNet,
    Hourglass,
    HRNet,
    HRNetPyramid,
    MobileNetV2Pyramid,
    MobileNetV3,
    PoseNAS,
    ResNet,
    TinyConvNet,
    ViPNASInvertedResidual,
    ViPNASMobileNetV3,
    ViPNASResNet,
)
from .body_parts import make_parts
from .data_preprocessor import PoseDataPreprocessor
from .ema import ExpMomentumEMA
from .estimators import BasePoseEstimator, FPDDistiller, TeacherCache, TopdownPoseEstimator
from .fused import table
from .heads import (
    BaseHeatmapHead,
    CNFHead,
    HeatmapHead,
    PoseNASHead,
    StackedHourglassHead,
    ViPNASHead,
)
from .layers import ContextBlock, SqueezeExcitation, checkpoint_module
from .loading import LoadReport, load_state
from .losses import (
    CombinedTargetMSELoss,
    DistillExtension,
    FeatureDistill,
    FPDLoss,
    HeatmapKL,
    JointsMSELoss,
    KeypointMSELoss,
    KeypointOHKMMSELoss,
    LogitDistill,
    SelfDistillHead,
)
from .necks import PartReduceNeck

__all__ = [
    'BaseHeatmapHead',
    'BasePoseEstimator',
    'CNFBackbone',
    'CNFHead',
    'CombinedTargetMSELoss',
    'ContextBlock',
    'DistillExtension',
    'DiteHRNet',
    'ExpMomentumEMA',
    'FPDDistiller',
    'FPDLoss',
    'FeatureDistill',
    'HRNet',
    'HRNetPyramid',
    'HeatmapHead',
    'HeatmapKL',
    'Hourglass',
    'JointsMSELoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'LoadReport',
    'LogitDistill',
    'MobileNetV2Pyramid',
    'MobileNetV3',
    'PartReduceNeck',
    'PoseDataPreprocessor',
    'PoseNAS',
    'PoseNASHead',
    'ResNet',
    'SelfDistillHead',
    'SqueezeExcitation',
    'StackedHourglassHead',
    'TeacherCache',
    'TinyConvNet',
    'TopdownPoseEstimator',
    'ViPNASHead',
    'ViPNASInvertedResidual',
    'ViPNASMobileNetV3',
    'ViPNASResNet',
    'checkpoint_module',
    'load_state',
    'make_parts',
    'table',
]
