"""Metrics that validation and test loops call."""

from .base import PoseMetric
from .boxes import CocoBoxMetric
from .coco import CocoMetric, make_whole_body_metric
from .errors import AUC, EPE, NME
from .frame_cost import FrameCost
from .jhmdb import JhmdbPCKAccuracy
from .lsp import LspPCKMetric
from .mpii import MpiiPCKAccuracy
from .pck import PCKAccuracy
from .people import PeopleCollector
from .posetrack import PoseTrack18Metric
from .result_file import ResultFile

__all__ = [
    'AUC',
    'EPE',
    'NME',
    'CocoBoxMetric',
    'CocoMetric',
    'FrameCost',
    'JhmdbPCKAccuracy',
    'LspPCKMetric',
    'MpiiPCKAccuracy',
    'PCKAccuracy',
    'PeopleCollector',
    'PoseMetric',
    'PoseTrack18Metric',
    'ResultFile',
    'make_whole_body_metric',
]
