"""Datasets, transforms and samplers."""

from . import transforms
from .base import BaseTopdownDataset
from .coco import CocoDataset, CrowdPoseDataset
from .lsp import LspDataset
from .mpii import MpiiDataset
from .samplers import DefaultSampler, EpochIndex, InfiniteSampler
from .wrappers import ConcatDataset, RepeatDataset

__all__ = [
    'BaseTopdownDataset',
    'CocoDataset',
    'ConcatDataset',
    'CrowdPoseDataset',
    'DefaultSampler',
    'EpochIndex',
    'InfiniteSampler',
    'LspDataset',
    'MpiiDataset',
    'RepeatDataset',
    'transforms',
]
