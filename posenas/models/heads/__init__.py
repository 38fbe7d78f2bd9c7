"""Heads: from features to heatmaps, their loss and their decoding."""

from .base import BaseHeatmapHead
from .heatmap_head import HeatmapHead
from .multi_stage_head import PoseNASHead, StackedHourglassHead
from .vipnas_head import ViPNASHead

__all__ = [
    'BaseHeatmapHead',
    'HeatmapHead',
    'PoseNASHead',
    'StackedHourglassHead',
    'ViPNASHead',
]
