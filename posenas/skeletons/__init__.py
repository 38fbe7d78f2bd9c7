"""Joints, limbs and symmetries of the data sets, as plain records."""

from .base import Skeleton, make_skeleton, mirror_indices, split_side
from .body_parts import BodyParts, make_parts
from .coco import COCO
from .crowdpose import CROWDPOSE
from .jhmdb import JHMDB
from .lsp import LSP
from .matching import match_joints
from .mpii import MPII
from .parsing import SKELETONS, get_skeleton, skeleton_from_category, skeleton_from_metainfo
from .posetrack18 import POSETRACK17, POSETRACK18

__all__ = [
    'COCO',
    'CROWDPOSE',
    'JHMDB',
    'LSP',
    'MPII',
    'POSETRACK17',
    'POSETRACK18',
    'SKELETONS',
    'BodyParts',
    'Skeleton',
    'get_skeleton',
    'make_parts',
    'make_skeleton',
    'match_joints',
    'mirror_indices',
    'skeleton_from_category',
    'skeleton_from_metainfo',
    'split_side',
]
