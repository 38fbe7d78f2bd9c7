"""Exported networks with NumPy, OpenCV and one engine; imports neither torch nor mmengine."""

from .description import CropRule, NetworkDescription, Normalisation, VideoRole
from .engines import ENGINES, PRECISIONS, Session, open_session
from .network_runtime import NetworkRuntime
from .pose_runtime import PoseResult, PoseRuntime
from .video_runtime import VideoRuntime

__all__ = [
    'ENGINES',
    'PRECISIONS',
    'CropRule',
    'NetworkDescription',
    'NetworkRuntime',
    'Normalisation',
    'PoseResult',
    'PoseRuntime',
    'Session',
    'VideoRole',
    'VideoRuntime',
    'open_session',
]
