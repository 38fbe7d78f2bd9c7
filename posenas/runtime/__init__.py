"""Exported networks with NumPy, OpenCV and one engine; imports neither torch nor mmengine."""

from .description import CropRule, NetworkDescription, Normalisation, VideoRole
from .detector_layouts import DETECTOR_LAYOUTS
from .detector_runtime import BoxResult, DetectorRuntime
from .engines import ENGINES, PRECISIONS, Session, open_session
from .network_runtime import NetworkRuntime
from .pose_runtime import PoseResult, PoseRuntime
from .video_runtime import VideoRuntime

__all__ = [
    'DETECTOR_LAYOUTS',
    'ENGINES',
    'PRECISIONS',
    'BoxResult',
    'CropRule',
    'DetectorRuntime',
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
