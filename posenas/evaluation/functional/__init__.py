"""Scores and duplicate removal as functions of arrays; no framework, no state."""

from .bootstrap import Interval, confidence_intervals, paired_p_values, resample
from .coco_api import (
    BACKENDS,
    STATISTICS,
    evaluate_keypoints,
    prepare_ground_truth,
    prepare_results,
)
from .matching import OKS_THRESHOLDS, PoseTable, match_poses, similarity_to_truth, tabulate
from .mean_pose import mean_pose, place_pose
from .mpii import MPII_GROUPS, PCKH_THRESHOLDS, head_distances, head_sizes, pckh, pckh_mean
from .nms import SCORE_MODES, instance_scores, nms, oks_nms, soft_nms, soft_oks_nms
from .oks import oks_matrix, visible_pairs
from .pck import bbox_size, joint_accuracies, mean_accuracy, normalised_distances, segment_size
from .pose_errors import ERROR_KINDS, ErrorTable, classify_errors, correct_errors, joint_distances
from .precision import RankedMatches, precision_and_recall, rank_matches

__all__ = [
    'BACKENDS',
    'ERROR_KINDS',
    'MPII_GROUPS',
    'OKS_THRESHOLDS',
    'PCKH_THRESHOLDS',
    'SCORE_MODES',
    'STATISTICS',
    'ErrorTable',
    'Interval',
    'PoseTable',
    'RankedMatches',
    'bbox_size',
    'classify_errors',
    'confidence_intervals',
    'correct_errors',
    'evaluate_keypoints',
    'head_distances',
    'head_sizes',
    'instance_scores',
    'joint_accuracies',
    'joint_distances',
    'match_poses',
    'mean_accuracy',
    'mean_pose',
    'nms',
    'normalised_distances',
    'oks_matrix',
    'oks_nms',
    'paired_p_values',
    'pckh',
    'pckh_mean',
    'place_pose',
    'precision_and_recall',
    'prepare_ground_truth',
    'prepare_results',
    'rank_matches',
    'resample',
    'segment_size',
    'similarity_to_truth',
    'soft_nms',
    'soft_oks_nms',
    'tabulate',
    'visible_pairs',
]
