"""Heads: from features to heatmaps or vectors, their loss and their decoding."""

from .base import BaseHeatmapHead
from .center_box_head import CenterBoxHead
from .cnf_head import CNFHead
from .edge_head import EdgeHead
from .heatmap_head import HeatmapHead
from .multi_stage_head import PoseNASHead, StackedHourglassHead
from .regression_head import RegressionHead
from .representation import ScalarRepresentation, VectorRepresentation
from .rle_head import RLEHead
from .rtmcc_head import RTMCCHead
from .simcc_base import BaseSimCCHead
from .simcc_head import SimCCHead
from .vipnas_head import ViPNASHead

__all__ = [
    'BaseHeatmapHead',
    'BaseSimCCHead',
    'CNFHead',
    'CenterBoxHead',
    'EdgeHead',
    'HeatmapHead',
    'PoseNASHead',
    'RLEHead',
    'RTMCCHead',
    'RegressionHead',
    'ScalarRepresentation',
    'SimCCHead',
    'StackedHourglassHead',
    'VectorRepresentation',
    'ViPNASHead',
]
