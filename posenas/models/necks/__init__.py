"""Necks: from the features of a backbone to those that a head reads."""

from .feature_map_processor import FeatureMapProcessor
from .global_average_pooling import GlobalAveragePooling
from .part_reduce import PartReduceNeck
from .temporal_fusion import TemporalFusion
from .top_down_fusion import TopDownFusion

__all__ = [
    'FeatureMapProcessor',
    'GlobalAveragePooling',
    'PartReduceNeck',
    'TemporalFusion',
    'TopDownFusion',
]
