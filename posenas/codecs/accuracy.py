"""The accuracy that is logged in training: how close maxima of output and target lie.

It stands here because heads log it and must not import the evaluation package, their neighbour.
"""

from typing import Any

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
    return _share_close(difference.reshape(*counts.shape, 2), (height, width), counts, thr)


def simcc_pck_accuracy(
    output: tuple[ArrayLike, ArrayLike],
    target: tuple[ArrayLike, ArrayLike],
    mask: ArrayLike,
    thr: float = 0.05,
) -> tuple[NDArray[np.float64], float, int]:
    """Share of keypoints whose maxima in predicted and target vectors lie close to each other.

    As :func:`pose_pck_accuracy`: the distance along x is divided by the bins of y and along y by
    those of x.

    Args:
        output: Predicted vectors of x and y, (B, K, bins) each.
        target: Target vectors of the same shapes.
        mask: (B, K), true where the keypoint counts.
        thr: Largest distance counted as correct (exclusive).

    Returns:
        Accuracy of each keypoint (K,), -1 where none counts; the mean over the others, 0 if there
        are none; and their number.

    Raises:
        ValueError: Shapes differ from the above.
    """
    counts = np.asarray(mask).astype(bool)
    check_shape('mask', counts, (None, None))
    predicted, wanted = (tuple(map(np.asarray, pair)) for pair in (output, target))
    for axis, vectors, labels in zip('xy', predicted, wanted, strict=True):
        check_shape(f'output of {axis}', vectors, (*counts.shape, None))
        check_shape(f'target of {axis}', labels, vectors.shape)
    difference = _find_peaks(*predicted) - _find_peaks(*wanted)
    sizes = (predicted[1].shape[2], predicted[0].shape[2])
    return _share_close(difference, sizes, counts, thr)


def coordinate_accuracy(
    output: ArrayLike, target: ArrayLike, mask: ArrayLike, thr: float = 0.05
) -> float:
    """Share of keypoints whose predicted and target coordinates lie close to each other.

    Args:
        output: Predicted coordinates (B, K, 2), shares of the crop.
        target: Target coordinates (B, K, 2).
        mask: (B, K), true where the keypoint counts.
        thr: Largest distance counted as correct (exclusive).

    Returns:
        Mean over the keypoints of their accuracies; 0 where none counts.

    Raises:
        ValueError: Shapes differ from the above.
    """
    counts = np.asarray(mask).astype(bool)
    check_shape('mask', counts, (None, None))
    predicted, wanted = np.asarray(output), np.asarray(target)
    check_shape('output', predicted, (*counts.shape, 2))
    check_shape('target', wanted, predicted.shape)
    return _share_close(predicted - wanted, (1, 1), counts, thr)[1]


def _find_peaks(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the bins (B, K, 2) of the maxima of two axes; -1 where one has no positive value."""
    peaks = np.stack([x.argmax(axis=2), y.argmax(axis=2)], axis=2)
    peaks[np.minimum(x.max(axis=2), y.max(axis=2)) <= 0] = -1
    return peaks


def _share_close(
    difference: NDArray[Any], sizes: tuple[int, int], counts: NDArray[np.bool_], thr: float
) -> tuple[NDArray[np.float64], float, int]:
    """Share of differences (B, K, 2), divided by ``sizes``, that are shorter than ``thr``."""
    distance = np.linalg.norm(difference / sizes, axis=2)
    correct = ((distance < thr) & counts).sum(axis=0)
    totals = counts.sum(axis=0)
    accuracy = np.where(totals > 0, correct / np.maximum(totals, 1), -1.0)
    num_counted = int((totals > 0).sum())
    mean = float(accuracy[totals > 0].mean()) if num_counted else 0.0
    return accuracy, mean, num_counted
