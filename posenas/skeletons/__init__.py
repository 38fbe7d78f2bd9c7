"""Joints, limbs and symmetries of the data sets, as plain records."""

from .base import LEFT_COLOR, MIDDLE_COLOR, RIGHT_COLOR, Skeleton, make_skeleton, part_sigma
from .body_parts import BodyParts
from .built_in import (
    COCO,
    CROWDPOSE,
    JHMDB,
    LSP,
    MPII,
    POSETRACK17,
    POSETRACK18,
    SKELETONS,
)
from .matching import match_joints
from .parsing import get_skeleton, skeleton_from_category, skeleton_from_metainfo
from .sides import is_numbered, mirror_indices, split_side, split_sides
from .stored import STORED, read_stored

__all__ = [
    'COCO',
    'CROWDPOSE',
    'JHMDB',
    'LEFT_COLOR',
    'LSP',
    'MIDDLE_COLOR',
    'MPII',
    'POSETRACK17',
    'POSETRACK18',
    'RIGHT_COLOR',
    'SKELETONS',
    'STORED',
    'BodyParts',
    'Skeleton',
    'get_skeleton',
    'is_numbered',
    'make_skeleton',
    'match_joints',
    'mirror_indices',
    'part_sigma',
    'read_stored',
    'skeleton_from_category',
    'skeleton_from_metainfo',
    'split_side',
    'split_sides',
]
