"""Scores and duplicate removal as functions of arrays; no framework, no state."""

from .bootstrap import (
    Interval,
    confidence_intervals,
    detectable_difference,
    paired_p_values,
    resample,
    resample_levels,
)
from .boxes import BOX_STATISTICS, evaluate_boxes, recall_and_false_boxes
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
from .nms import (
    NMS_MODES,
    SCORE_MODES,
    instance_scores,
    nms,
    oks_nms,
    select_poses,
    soft_nms,
    soft_oks_nms,
)
from .oks import oks_matrix, visible_pairs
from .pck import bbox_size, joint_accuracies, mean_accuracy, normalised_distances, segment_size
from .pose_errors import ERROR_KINDS, ErrorTable, classify_errors, correct_errors, joint_distances
from .posetrack import (
    MATCH_DISTANCE,
    POSETRACK_GROUPS,
    JointDetections,
    VideoFrame,
    assign_persons,
    collect_detections,
    group_means,
    joint_precision,
    relative_distances,
)
from .precision import RankedMatches, precision_and_recall, rank_matches
from .tracking import TrackCounts, count_tracks, match_identities, track_scores

__all__ = [
    'BACKENDS',
    'BOX_STATISTICS',
    'ERROR_KINDS',
    'MATCH_DISTANCE',
    'MPII_GROUPS',
    'NMS_MODES',
    'OKS_THRESHOLDS',
    'PCKH_THRESHOLDS',
    'POSETRACK_GROUPS',
    'SCORE_MODES',
    'STATISTICS',
    'ErrorTable',
    'Interval',
    'JointDetections',
    'PoseTable',
    'RankedMatches',
    'TrackCounts',
    'VideoFrame',
    'assign_persons',
    'bbox_size',
    'classify_errors',
    'collect_detections',
    'confidence_intervals',
    'correct_errors',
    'count_tracks',
    'detectable_difference',
    'evaluate_boxes',
    'evaluate_keypoints',
    'group_means',
    'head_distances',
    'head_sizes',
    'instance_scores',
    'joint_accuracies',
    'joint_distances',
    'joint_precision',
    'match_identities',
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
    'recall_and_false_boxes',
    'relative_distances',
    'resample',
    'resample_levels',
    'segment_size',
    'select_poses',
    'similarity_to_truth',
    'soft_nms',
    'soft_oks_nms',
    'tabulate',
    'track_scores',
    'visible_pairs',
]
