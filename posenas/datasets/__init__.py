"""Datasets, transforms and samplers."""

from . import transforms
from .base import BaseTopdownDataset
from .coco import CocoDataset, CrowdPoseDataset
from .lsp import LspDataset
from .samplers import DefaultSampler, EpochIndex, InfiniteSampler

__all__ = [
    'BaseTopdownDataset',
    'CocoDataset',
    'CrowdPoseDataset',
    'DefaultSampler',
    'EpochIndex',
    'InfiniteSampler',
    'LspDataset',
    'transforms',
]
