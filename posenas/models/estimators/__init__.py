"""Estimators: backbone, neck and head together, in modes tensor, loss and predict."""

from .base import BasePoseEstimator
from .detector import PersonDetector
from .distiller import FPDDistiller
from .dwpose_distiller import DWPoseDistiller
from .t_vipnas_net import HeatmapCopy, TViPNASNet
from .teacher_cache import TeacherCache
from .topdown import TopdownPoseEstimator
from .video import OnlinePoseEstimator

__all__ = [
    'BasePoseEstimator',
    'DWPoseDistiller',
    'FPDDistiller',
    'HeatmapCopy',
    'OnlinePoseEstimator',
    'PersonDetector',
    'TViPNASNet',
    'TeacherCache',
    'TopdownPoseEstimator',
]
