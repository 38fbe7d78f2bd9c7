"""The baseline every network must beat: one average pose placed in every box."""

import numpy as np
from numpy.typing import NDArray

from posenas.utils.checks import check_shape

Floats = NDArray[np.floating]


def mean_pose(
    keypoints: Floats, labelled: NDArray[np.bool_], bboxes: Floats
) -> NDArray[np.float64]:
    """Average poses in coordinates of their boxes.

    Args:
        keypoints: (N, K, 2) pixels.
        labelled: (N, K), keypoints that enter the mean.
        bboxes: (N, 4) x1 y1 x2 y2, with positive sides.

    Returns:
        (K, 2), where (0, 0) is a box's upper left corner and (1, 1) its lower right one; the
        middle of the box for a keypoint that is never labelled.
    """
    check_shape('labelled', labelled, keypoints.shape[:2])
    check_shape('bboxes', bboxes, (len(keypoints), 4))
    boxes = np.asarray(bboxes, np.float64)[:, None]  # (N, 1, 4)
    relative = (keypoints - boxes[..., :2]) / (boxes[..., 2:] - boxes[..., :2])
    total = np.where(labelled[..., None], relative, 0).sum(axis=0)  # (K, 2)
    count = labelled.sum(axis=0)[:, None]
    return np.where(count > 0, total / np.maximum(count, 1), 0.5)


def place_pose(pose: Floats, bboxes: Floats) -> NDArray[np.float64]:
    """Put ``pose`` (K, 2), from :func:`mean_pose`, into boxes (N, 4): keypoints (N, K, 2)."""
    boxes = np.asarray(bboxes, np.float64)[:, None]
    placed: NDArray[np.float64] = boxes[..., :2] + pose * (boxes[..., 2:] - boxes[..., :2])
    return placed
