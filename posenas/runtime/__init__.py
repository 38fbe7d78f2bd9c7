"""Exported networks with NumPy, OpenCV and one engine; imports neither torch nor mmengine."""

from .description import CropRule, NetworkDescription, Normalisation
from .detector_runtime import BoxResult, DetectorRuntime
from .engines import ENGINES, PRECISIONS, Session, open_session
from .pose_runtime import PoseResult, PoseRuntime

__all__ = [
    'ENGINES',
    'PRECISIONS',
    'BoxResult',
    'CropRule',
    'DetectorRuntime',
    'NetworkDescription',
    'Normalisation',
    'PoseResult',
    'PoseRuntime',
    'Session',
    'open_session',
]
