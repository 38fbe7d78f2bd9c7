"""Datasets, transforms and samplers."""

from . import transforms
from .base import BaseTopdownDataset
from .coco import CocoDataset, CrowdPoseDataset
from .frames import FrameReader, open_video
from .jhmdb import JhmdbDataset
from .lsp import LspDataset
from .mpii import MpiiDataset
from .mpii_release import MpiiRelease, convert_mpii_release, read_mpii_release
from .posetrack18 import PoseTrack18Dataset
from .samplers import DefaultSampler, EpochIndex, InfiniteSampler
from .wrappers import ConcatDataset, RepeatDataset

__all__ = [
    'BaseTopdownDataset',
    'CocoDataset',
    'ConcatDataset',
    'CrowdPoseDataset',
    'DefaultSampler',
    'EpochIndex',
    'FrameReader',
    'InfiniteSampler',
    'JhmdbDataset',
    'LspDataset',
    'MpiiDataset',
    'MpiiRelease',
    'PoseTrack18Dataset',
    'RepeatDataset',
    'convert_mpii_release',
    'open_video',
    'read_mpii_release',
    'transforms',
]
