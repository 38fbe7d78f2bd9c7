"""What can be wrong with images and labels, and what labels say of their skeleton."""

from .labels import LABEL_CHECKS, Labels, describe_labels
from .mirror_symmetry import MirrorPairs, find_mirror_pairs
from .report import Report, inspect_annotations, inspect_images, inspect_persons, list_images
from .sides import check_sides, pair_agreement
from .skeleton_proposal import Proposal, propose_skeleton, repeated_spread

__all__ = [
    'LABEL_CHECKS',
    'Labels',
    'MirrorPairs',
    'Proposal',
    'Report',
    'check_sides',
    'describe_labels',
    'find_mirror_pairs',
    'inspect_annotations',
    'inspect_images',
    'inspect_persons',
    'list_images',
    'pair_agreement',
    'propose_skeleton',
    'repeated_spread',
]
