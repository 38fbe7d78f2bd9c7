"""Object keypoint similarity between poses."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posenas.utils.checks import check_choice, check_shape

Floats = NDArray[np.floating]


def oks_matrix(
    keypoints: Floats, areas: Floats, sigmas: Floats, counted: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Compare every pose of an image with every other.

    The scale of a pair is the mean of both areas, so poses of one image can be compared without
    a ground truth, as OKS-NMS does.

    Args:
        keypoints: (N, K, 2) pixels.
        areas: (N,) square pixels, one per pose.
        sigmas: (K,) standard deviation of each joint's annotation, in units of sqrt(area).
        counted: (N, N, K), keypoints that count in the comparison of pose i with pose j; all by
            default. A pair without any has similarity 0.

    Returns:
        (N, N) in [0, 1], row i holding the similarities of pose i.
    """
    num_poses, num_joints = len(keypoints), len(sigmas)
    check_shape('keypoints', keypoints, (num_poses, num_joints, 2))
    check_shape('areas', areas, (num_poses,))
    points = np.asarray(keypoints, np.float64)
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)  # (N, N, K)
    scale = (np.add.outer(areas, areas) / 2 + np.spacing(1))[..., None]
    variances = (2 * np.asarray(sigmas, np.float64)) ** 2
    similarity = np.exp(-squared / (2 * variances * scale))
    if counted is None:
        counted = np.ones((num_poses, num_poses, num_joints), bool)
    total = np.where(counted, similarity, 0).sum(-1)
    result: NDArray[np.float64] = total / np.maximum(counted.sum(-1), 1)
    return result


def visible_pairs(
    keypoint_scores: Floats, threshold: float, reading: Literal['both', 'original'] = 'both'
) -> NDArray[np.bool_]:
    """Tell which keypoints count when two poses are compared under a confidence threshold.

    Args:
        keypoint_scores: (N, K) confidences.
        threshold: A keypoint is visible if its confidence is greater.
        reading: 'both' counts keypoints visible in both poses; 'original' is what the code of the
            HRNet family does, where only the second pose's visibility counts (not symmetric).

    Returns:
        (N, N, K), for :func:`oks_matrix`.
    """
    check_choice('reading', reading, ('both', 'original'))
    visible = np.asarray(keypoint_scores) > threshold
    second = np.broadcast_to(visible[None], (len(visible), *visible.shape))
    return second & visible[:, None] if reading == 'both' else second
