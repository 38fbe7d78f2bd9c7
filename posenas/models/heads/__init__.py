"""Heads: from features to heatmaps, their loss and their decoding."""

from .base import BaseHeatmapHead
from .heatmap_head import HeatmapHead
from .vipnas_head import ViPNASHead

__all__ = ['BaseHeatmapHead', 'HeatmapHead', 'ViPNASHead']
