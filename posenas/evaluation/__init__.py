"""Scores of predicted poses: pure functions and the metrics built on them."""

from .metrics import CocoMetric, LspPCKMetric, PCKAccuracy, PoseMetric, ResultFile

__all__ = ['CocoMetric', 'LspPCKMetric', 'PCKAccuracy', 'PoseMetric', 'ResultFile']
