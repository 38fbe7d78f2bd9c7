"""Datasets, transforms and samplers."""

from . import registration, transforms
from .base import BaseTopdownDataset
from .clips import ClipDataset
from .coco import CocoDataset, CrowdPoseDataset
from .coco_style import COCO_STYLE, CocoStyleDataset
from .combined import CombinedDataset
from .frames import FrameGap, FrameReader, count_frames, decode_frames, open_video
from .jhmdb import JhmdbDataset
from .lsp import LspDataset
from .mosaic import MosaicDataset
from .mpii import MpiiDataset
from .person_boxes import PersonBoxDataset
from .persons import ImageTable, PersonTable
from .posetrack18 import PoseTrack18Dataset
from .releases.lsp import convert_lsp_release, convert_lspet_release
from .releases.mpii import MpiiRelease, convert_mpii_release, read_mpii_release
from .releases.yolo_pose import convert_yolo_pose
from .samplers import (
    DefaultSampler,
    EpochIndex,
    InfiniteSampler,
    LabelledRatioSampler,
    MultiSourceSampler,
    PartsSampler,
)
from .taught import TaughtDataset
from .unlabelled import UnlabelledTopdownDataset
from .video_sampler import VideoSampler
from .wrappers import ConcatDataset, RepeatDataset

#: The name under which code for MMPose derives data sets.
BaseCocoStyleDataset = BaseTopdownDataset

__all__ = [
    'COCO_STYLE',
    'BaseCocoStyleDataset',
    'BaseTopdownDataset',
    'ClipDataset',
    'CocoDataset',
    'CocoStyleDataset',
    'CombinedDataset',
    'ConcatDataset',
    'CrowdPoseDataset',
    'DefaultSampler',
    'EpochIndex',
    'FrameGap',
    'FrameReader',
    'ImageTable',
    'InfiniteSampler',
    'JhmdbDataset',
    'LabelledRatioSampler',
    'LspDataset',
    'MosaicDataset',
    'MpiiDataset',
    'MpiiRelease',
    'MultiSourceSampler',
    'PartsSampler',
    'PersonBoxDataset',
    'PersonTable',
    'PoseTrack18Dataset',
    'RepeatDataset',
    'TaughtDataset',
    'UnlabelledTopdownDataset',
    'VideoSampler',
    'convert_lsp_release',
    'convert_lspet_release',
    'convert_mpii_release',
    'convert_yolo_pose',
    'count_frames',
    'decode_frames',
    'open_video',
    'read_mpii_release',
    'registration',
    'transforms',
]
