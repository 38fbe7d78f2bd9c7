"""The accuracy that is logged in training: how close maxima of output and target lie.

It stands here because heads log it and must not import the evaluation package, their neighbour.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from posenas.codecs.refine import find_maxima
from posenas.utils import check_shape


def pose_pck_accuracy(
    output: ArrayLike, target: ArrayLike, mask: ArrayLike, thr: float = 0.05
) -> tuple[NDArray[np.float64], float, int]:
    """Share of keypoints whose maxima in output and target lie close to each other.

    Published logs divide the distance along x by the height of the heatmap and along y by its
    width; so does this, that curves can be compared.

    Args:
        output: Predicted heatmaps (B, K, H, W).
        target: Target heatmaps (B, K, H, W).
        mask: (B, K), true where the keypoint counts.
        thr: Largest distance counted as correct (exclusive), fraction of the heatmap.

    Returns:
        Accuracy of each keypoint (K,), -1 where none counts; the mean over the others, 0 if there
        are none; and their number.

    Raises:
        ValueError: Shapes differ from the above.
    """
    predicted, wanted = np.asarray(output), np.asarray(target)
    counts = np.asarray(mask).astype(bool)
    check_shape('output', predicted, (None, None, None, None))
    check_shape('target', wanted, predicted.shape)
    batch_size, num_keypoints, height, width = predicted.shape
    check_shape('mask', counts, (batch_size, num_keypoints))
    shape = (batch_size * num_keypoints, height, width)
    difference = find_maxima(predicted.reshape(shape))[0] - find_maxima(wanted.reshape(shape))[0]
    distance = np.linalg.norm(difference / (height, width), axis=1).reshape(counts.shape)
    correct = ((distance < thr) & counts).sum(axis=0)
    totals = counts.sum(axis=0)
    accuracy = np.where(totals > 0, correct / np.maximum(totals, 1), -1.0)
    num_counted = int((totals > 0).sum())
    mean = float(accuracy[totals > 0].mean()) if num_counted else 0.0
    return accuracy, mean, num_counted
