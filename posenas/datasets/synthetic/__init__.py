"""Synthetic people with exact annotations: bodies, clothes, scenes, photographs, files."""

from .levels import LEVELS, VideoLevel, draw_level_video
from .scene import Studio
from .video import draw_video
from .writer import IMAGE_ANNOTATIONS, VIDEO_ANNOTATIONS, SyntheticSpec, build_synthetic

__all__ = [
    'IMAGE_ANNOTATIONS',
    'LEVELS',
    'VIDEO_ANNOTATIONS',
    'Studio',
    'SyntheticSpec',
    'VideoLevel',
    'build_synthetic',
    'draw_level_video',
    'draw_video',
]
