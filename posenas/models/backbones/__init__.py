"""Backbones: networks from images to tuples of feature maps."""

from .cnf import CNFBackbone
from .csp_next import CSPNeXt
from .dite_hrnet import DiteHRNet
from .edge_net import EdgeNet
from .hourglass import Hourglass
from .hrnet import HighResolutionModule, HighResolutionNet, HRNet, HRNetPyramid
from .light_resnet import LightResNet
from .lite_hrnet import LiteHRNet
from .mobilenet_v2 import InvertedResidual, MobileNetV2, MobileNetV2Pyramid
from .mobilenet_v3 import MobileNetV3
from .pose_nas import PoseNAS
from .pose_nas_backbone import POSENAS_CELLS, PoseNASBackbone
from .residual_backbone import ResidualBackbone
from .resnet import ResNet
from .resnet_variants import ResNetV1d, ResNeXt, SEResNet
from .shufflenet_v1 import ShuffleNetV1
from .shufflenet_v2 import ShuffleNetV2
from .tiny import TinyConvNet
from .vipnas_mobilenet_v3 import ViPNASInvertedResidual, ViPNASMobileNetV3
from .vipnas_resnet import ViPNASResNet

__all__ = [
    'POSENAS_CELLS',
    'CNFBackbone',
    'CSPNeXt',
    'DiteHRNet',
    'EdgeNet',
    'HRNet',
    'HRNetPyramid',
    'HighResolutionModule',
    'HighResolutionNet',
    'Hourglass',
    'InvertedResidual',
    'LightResNet',
    'LiteHRNet',
    'MobileNetV2',
    'MobileNetV2Pyramid',
    'MobileNetV3',
    'PoseNAS',
    'PoseNASBackbone',
    'ResNeXt',
    'ResNet',
    'ResNetV1d',
    'ResidualBackbone',
    'SEResNet',
    'ShuffleNetV1',
    'ShuffleNetV2',
    'TinyConvNet',
    'ViPNASInvertedResidual',
    'ViPNASMobileNetV3',
    'ViPNASResNet',
]
