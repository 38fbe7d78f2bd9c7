"""Backbones: networks from images to tuples of feature maps."""

from .tiny import TinyConvNet
from .vipnas_resnet import ViPNASBottleneck, ViPNASResNet

__all__ = ['TinyConvNet', 'ViPNASBottleneck', 'ViPNASResNet']
