"""Necks: from the features of a backbone to those that a head reads."""

from .feature_map_processor import FeatureMapProcessor
from .part_reduce import PartReduceNeck
from .top_down_fusion import TopDownFusion

__all__ = ['FeatureMapProcessor', 'PartReduceNeck', 'TopDownFusion']
