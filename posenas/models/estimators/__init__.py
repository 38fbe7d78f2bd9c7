"""Estimators: backbone, neck and head together, in modes tensor, loss and predict."""

from .base import BasePoseEstimator
from .distiller import FPDDistiller
from .teacher_cache import TeacherCache
from .topdown import TopdownPoseEstimator

__all__ = ['BasePoseEstimator', 'FPDDistiller', 'TeacherCache', 'TopdownPoseEstimator']
