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
from .data_preprocessor import PoseDataPreprocessor, join_frames
from .ema import ExpMomentumEMA
from .estimators import (
    BasePoseEstimator,
    FPDDistiller,
    HeatmapCopy,
    OnlinePoseEstimator,
    TeacherCache,
    TopdownPoseEstimator,
    TViPNASNet,
)
from .fused import table
from .heads import (
    BaseHeatmapHead,
    CNFHead,
    HeatmapHead,
    PoseNASHead,
    StackedHourglassHead,
    ViPNASHead,
)
from .layers import ContextBlock, SqueezeExcitation, checkpoint_module, flip_heatmaps
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
from .necks import PartReduceNeck, TemporalFusion
from .vipnas_config import read_vipnas_config

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
    'HeatmapCopy',
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
    'OnlinePoseEstimator',
    'PartReduceNeck',
    'PoseDataPreprocessor',
    'PoseNAS',
    'PoseNASHead',
    'ResNet',
    'SelfDistillHead',
    'SqueezeExcitation',
    'StackedHourglassHead',
    'TViPNASNet',
    'TeacherCache',
    'TemporalFusion',
    'TinyConvNet',
    'TopdownPoseEstimator',
    'ViPNASHead',
    'ViPNASInvertedResidual',
    'ViPNASMobileNetV3',
    'ViPNASResNet',
    'checkpoint_module',
    'flip_heatmaps',
    'join_frames',
    'load_state',
    'make_parts',
    'read_vipnas_config',
    'table',
]
