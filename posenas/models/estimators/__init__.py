"""Estimators: backbone, neck and head together, in modes tensor, loss and predict."""

from .base import BasePoseEstimator
from .topdown import TopdownPoseEstimator

__all__ = ['BasePoseEstimator', 'TopdownPoseEstimator']
