"""Percentage of correct keypoints: distances in units of the person's size."""

import numpy as np
from numpy.typing import NDArray

from posenas.utils.checks import check_shape

Floats = NDArray[np.floating]


def bbox_size(bboxes: Floats) -> NDArray[np.float64]:
    """Return the longer side of boxes (N, 4), x1 y1 x2 y2, as (N,) pixels."""
    boxes = np.asarray(bboxes, np.float64)
    size: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return size


def segment_size(
    keypoints: Floats, labelled: NDArray[np.bool_], ends: tuple[int, int]
) -> NDArray[np.float64]:
    """Measure people by the distance of two keypoints, such as the torso's diagonal.

    Args:
        keypoints: (N, K, 2) pixels.
        labelled: (N, K).
        ends: Indices of the two keypoints.

    Returns:
        (N,) pixels; 0, which :func:`normalised_distances` skips, where an end is not labelled.
    """
    points = np.asarray(keypoints, np.float64)
    length = np.linalg.norm(points[:, ends[0]] - points[:, ends[1]], axis=-1)
    return np.where(labelled[:, ends[0]] & labelled[:, ends[1]], length, 0.0)


def normalised_distances(
    predictions: Floats, keypoints: Floats, labelled: NDArray[np.bool_], sizes: Floats
) -> NDArray[np.float64]:
    """Divide the distance of each labelled keypoint by the size of its person.

    Args:
        predictions: (N, K, 2) pixels.
        keypoints: (N, K, 2) pixels, the annotation.
        labelled: (N, K).
        sizes: (N,) pixels; a person whose size is not positive is skipped.

    Returns:
        (N, K), NaN where the keypoint or the person does not count.
    """
    check_shape('predictions', predictions, keypoints.shape)
    check_shape('labelled', labelled, keypoints.shape[:2])
    check_shape('sizes', sizes, keypoints.shape[:1])
    counted = labelled & (sizes > 0)[:, None]
    safe_sizes = np.where(sizes > 0, sizes, 1.0)[:, None]
    with np.errstate(over='ignore'):  # absurd coordinates are infinitely far
        distances = np.linalg.norm(np.asarray(predictions, np.float64) - keypoints, axis=-1)
    distances = np.where(np.isnan(distances), np.inf, distances)  # predicted NaN is a miss
    return np.where(counted, distances / safe_sizes, np.nan)


def joint_accuracies(distances: Floats, threshold: float) -> NDArray[np.float64]:
    """Return the share of keypoints within ``threshold``, per keypoint type.

    Args:
        distances: (N, K) from :func:`normalised_distances`.
        threshold: Largest distance that counts as correct.

    Returns:
        (K,) in [0, 1]; NaN for a keypoint type without samples.
    """
    counted = ~np.isnan(distances)
    correct = (np.where(counted, distances, np.inf) <= threshold).sum(axis=0)
    samples = counted.sum(axis=0)
    return np.where(samples > 0, correct / np.maximum(samples, 1), np.nan)


def mean_accuracy(distances: Floats, threshold: float) -> float:
    """Average :func:`joint_accuracies` over the keypoints that have samples; NaN without any."""
    accuracies = joint_accuracies(distances, threshold)
    present = accuracies[~np.isnan(accuracies)]
    return float(present.mean()) if len(present) else float('nan')
