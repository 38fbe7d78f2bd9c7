"""PCKh as MPII defines it: distances in units of the head, keypoints in the published groups."""

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional.pck import joint_accuracies, normalised_distances

Floats = NDArray[np.floating]

#: Published column -> keypoints whose accuracies it averages.
MPII_GROUPS = {
    'Head': (9,),
    'Shoulder': (12, 13),
    'Elbow': (11, 14),
    'Wrist': (10, 15),
    'Hip': (2, 3),
    'Knee': (1, 4),
    'Ankle': (0, 5),
}
#: The thresholds of the published curve: 0, 0.01, ..., 0.5.
PCKH_THRESHOLDS = tuple(number / 100 for number in range(51))
#: Share of the head box's diagonal that counts as the head's size (``SC_BIAS``).
_HEAD_SHARE = 0.6
#: Keypoints without weight in the mean: pelvis and thorax.
_IGNORED = (6, 7)


def head_sizes(head_boxes: Floats) -> NDArray[np.float64]:
    """Return the sizes (N,), pixels, of heads whose boxes are given by two corners (N, 2, 2)."""
    boxes = np.asarray(head_boxes, np.float64)
    return np.asarray(_HEAD_SHARE * np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=-1))


def head_distances(
    predictions: Floats, keypoints: Floats, visible: NDArray[np.bool_], sizes: Floats
) -> NDArray[np.float64]:
    """Divide the distance of each visible keypoint by the size of its person's head.

    Args:
        predictions: (N, 16, 2) pixels.
        keypoints: (N, 16, 2) pixels, the annotation.
        visible: (N, 16).
        sizes: (N,) pixels, see :func:`head_sizes`; all keypoints of an empty head are wrong.

    Returns:
        (N, 16), NaN where a keypoint does not count.
    """
    distances = normalised_distances(predictions, keypoints, visible, sizes)
    return np.where(visible & ~(np.asarray(sizes) > 0)[:, None], np.inf, distances)


def pckh(distances: Floats, threshold: float = 0.5) -> dict[str, float]:
    """Return the published columns, in percent.

    Args:
        distances: (N, 16) from :func:`head_distances`.
        threshold: Largest distance that counts as correct.

    Returns:
        The columns of :data:`MPII_GROUPS`, each the plain mean of its keypoints, NaN where one has
        no visible sample, and 'Mean', see :func:`pckh_mean`.
    """
    accuracies = 100 * joint_accuracies(distances, threshold)
    columns = {name: float(accuracies[list(joints)].mean()) for name, joints in MPII_GROUPS.items()}
    return columns | {'Mean': pckh_mean(distances, threshold)}


def pckh_mean(distances: Floats, threshold: float = 0.5) -> float:
    """Return the share of correct keypoints, in percent, over all but pelvis and thorax.

    It is the mean over keypoint types weighted by their visible samples; NaN without any.
    """
    counted = np.delete(distances, _IGNORED, axis=1)
    total = int((~np.isnan(counted)).sum())
    return 100 * float((counted <= threshold).sum()) / total if total else float('nan')
