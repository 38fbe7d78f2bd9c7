"""Codecs between keypoints or boxes and what networks make of them; NumPy and OpenCV only."""

from .accuracy import coordinate_accuracy, pose_pck_accuracy, simcc_pck_accuracy
from .base import KeypointCodec
from .box_lists import ListedBoxes, YOLOXBoxes
from .center_box import CenterBox
from .flip import flip_heatmaps
from .megvii_heatmap import MegviiHeatmap
from .msra_heatmap import MSRAHeatmap
from .pnfs_heatmap import PNFSHeatmap
from .refine import find_maxima, refine_dark, refine_quarter, refine_udp_dark
from .regression_label import RegressionLabel
from .simcc_label import SimCCLabel
from .table import CODECS, BoxCodec, Codec, build_codec
from .udp_heatmap import UDPHeatmap
from .visibility import VisibilityCalibrator, read_features

__all__ = [
    'CODECS',
    'BoxCodec',
    'CenterBox',
    'Codec',
    'KeypointCodec',
    'ListedBoxes',
    'MSRAHeatmap',
    'MegviiHeatmap',
    'PNFSHeatmap',
    'RegressionLabel',
    'SimCCLabel',
    'UDPHeatmap',
    'VisibilityCalibrator',
    'YOLOXBoxes',
    'build_codec',
    'coordinate_accuracy',
    'find_maxima',
    'flip_heatmaps',
    'pose_pck_accuracy',
    'read_features',
    'refine_dark',
    'refine_quarter',
    'refine_udp_dark',
    'simcc_pck_accuracy',
]
