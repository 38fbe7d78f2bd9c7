"""Scores and duplicate removal as functions of arrays; no framework, no state."""

from .coco_api import BACKENDS, STATISTICS, evaluate_keypoints, prepare_ground_truth
from .mean_pose import mean_pose, place_pose
from .mpii import MPII_GROUPS, PCKH_THRESHOLDS, head_distances, head_sizes, pckh, pckh_mean
from .nms import SCORE_MODES, instance_scores, nms, oks_nms, soft_nms, soft_oks_nms
from .oks import oks_matrix, visible_pairs
from .pck import bbox_size, joint_accuracies, mean_accuracy, normalised_distances, segment_size

__all__ = [
    'BACKENDS',
    'MPII_GROUPS',
    'PCKH_THRESHOLDS',
    'SCORE_MODES',
    'STATISTICS',
    'bbox_size',
    'evaluate_keypoints',
    'head_distances',
    'head_sizes',
    'instance_scores',
    'joint_accuracies',
    'mean_accuracy',
    'mean_pose',
    'nms',
    'normalised_distances',
    'oks_matrix',
    'oks_nms',
    'pckh',
    'pckh_mean',
    'place_pose',
    'prepare_ground_truth',
    'segment_size',
    'soft_nms',
    'soft_oks_nms',
    'visible_pairs',
]
