"""Codecs between keypoints or boxes and heatmaps; NumPy and OpenCV only."""

from .accuracy import pose_pck_accuracy
from .base import KeypointCodec
from .center_box import CenterBox
from .megvii_heatmap import MegviiHeatmap
from .msra_heatmap import MSRAHeatmap
from .pnfs_heatmap import PNFSHeatmap
from .refine import find_maxima, refine_dark, refine_quarter, refine_udp_dark
from .udp_heatmap import UDPHeatmap

__all__ = [
    'CenterBox',
    'KeypointCodec',
    'MSRAHeatmap',
    'MegviiHeatmap',
    'PNFSHeatmap',
    'UDPHeatmap',
    'find_maxima',
    'pose_pck_accuracy',
    'refine_dark',
    'refine_quarter',
    'refine_udp_dark',
]
