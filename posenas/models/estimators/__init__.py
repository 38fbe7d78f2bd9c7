"""Estimators: backbone, neck and head together, in modes tensor, loss and predict."""

from .base import BasePoseEstimator
from .detector import PersonDetector
from .distiller import FPDDistiller
from .teacher_cache import TeacherCache
from .topdown import TopdownPoseEstimator

__all__ = [
    'BasePoseEstimator',
    'FPDDistiller',
    'PersonDetector',
    'TeacherCache',
    'TopdownPoseEstimator',
]
