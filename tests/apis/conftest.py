"""Fixtures of the network whose answer is known."""

from apis.spots import (
    broken_video,
    image_folder,
    spot_checkpoint,
    spot_config,
    spot_image,
    video_file,
)

__all__ = [
    'broken_video',
    'image_folder',
    'spot_checkpoint',
    'spot_config',
    'spot_image',
    'video_file',
]
