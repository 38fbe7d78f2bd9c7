"""Codecs between keypoints or boxes and what networks make of them; NumPy and OpenCV only."""

from .accuracy import coordinate_accuracy, pose_pck_accuracy, simcc_pck_accuracy
from .base import KeypointCodec
from .center_box import CenterBox
from .megvii_heatmap import MegviiHeatmap
from .msra_heatmap import MSRAHeatmap
from .pnfs_heatmap import PNFSHeatmap
from .refine import find_maxima, refine_dark, refine_quarter, refine_udp_dark
from .regression_label import RegressionLabel
from .simcc_label import SimCCLabel
from .udp_heatmap import UDPHeatmap

__all__ = [
    'CenterBox',
    'KeypointCodec',
    'MSRAHeatmap',
    'MegviiHeatmap',
    'PNFSHeatmap',
    'RegressionLabel',
    'SimCCLabel',
    'UDPHeatmap',
    'coordinate_accuracy',
    'find_maxima',
    'pose_pck_accuracy',
    'refine_dark',
    'refine_quarter',
    'refine_udp_dark',
    'simcc_pck_accuracy',
]
