"""Synthetic people with exact annotations: bodies, clothes, scenes, photographs, files."""

from .scene import Studio
from .video import draw_video
from .writer import IMAGE_ANNOTATIONS, VIDEO_ANNOTATIONS, SyntheticSpec, build_synthetic

__all__ = [
    'IMAGE_ANNOTATIONS',
    'VIDEO_ANNOTATIONS',
    'Studio',
    'SyntheticSpec',
    'build_synthetic',
    'draw_video',
]
