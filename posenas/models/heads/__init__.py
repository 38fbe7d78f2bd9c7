"""Heads: from features to heatmaps, their loss and their decoding."""

from .base import BaseHeatmapHead
from .center_box_head import CenterBoxHead
from .cnf_head import CNFHead
from .heatmap_head import HeatmapHead
from .multi_stage_head import PoseNASHead, StackedHourglassHead
from .representation import ScalarRepresentation, VectorRepresentation
from .vipnas_head import ViPNASHead

__all__ = [
    'BaseHeatmapHead',
    'CNFHead',
    'CenterBoxHead',
    'HeatmapHead',
    'PoseNASHead',
    'ScalarRepresentation',
    'StackedHourglassHead',
    'VectorRepresentation',
    'ViPNASHead',
]
