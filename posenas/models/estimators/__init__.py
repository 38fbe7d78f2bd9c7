"""Estimators: backbone, neck and head together, in modes tensor, loss and predict."""

from .base import BasePoseEstimator
from .detector import PersonDetector
from .distiller import FPDDistiller
from .dwpose_distiller import DWPoseDistiller
from .teacher_cache import TeacherCache
from .topdown import TopdownPoseEstimator

__all__ = [
    'BasePoseEstimator',
    'DWPoseDistiller',
    'FPDDistiller',
    'PersonDetector',
    'TeacherCache',
    'TopdownPoseEstimator',
]
