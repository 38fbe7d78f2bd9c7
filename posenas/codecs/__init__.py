"""Codecs between keypoints and heatmaps; NumPy and OpenCV only."""

from .accuracy import pose_pck_accuracy
from .base import KeypointCodec
from .flip import flip_heatmaps
from .megvii_heatmap import MegviiHeatmap
from .msra_heatmap import MSRAHeatmap
from .pnfs_heatmap import PNFSHeatmap
from .refine import find_maxima, refine_dark, refine_quarter, refine_udp_dark
from .table import CODECS, build_codec
from .udp_heatmap import UDPHeatmap

__all__ = [
    'CODECS',
    'KeypointCodec',
    'MSRAHeatmap',
    'MegviiHeatmap',
    'PNFSHeatmap',
    'UDPHeatmap',
    'build_codec',
    'find_maxima',
    'flip_heatmaps',
    'pose_pck_accuracy',
    'refine_dark',
    'refine_quarter',
    'refine_udp_dark',
]
