"""Necks: from the features of a backbone to those that a head reads."""

from .feature_map_processor import FeatureMapProcessor
from .part_reduce import PartReduceNeck
from .temporal_fusion import FUSION_OPS, TemporalFusion

__all__ = ['FUSION_OPS', 'FeatureMapProcessor', 'PartReduceNeck', 'TemporalFusion']
