"""Average precision of keypoints in videos, by the rules of PoseTrack's official tool.

Andriluka et al., PoseTrack: A Benchmark for Human Pose Estimation and Tracking, CVPR 2018.
Keypoints are those of ``POSETRACK17``; all scores are percentages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posenas.skeletons import POSETRACK17

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Largest distance of a keypoint from its annotation, in sizes of the head.
MATCH_DISTANCE = 0.5

_PARTS = {'Shou': 'shoulder', 'Elb': 'elbow', 'Wri': 'wrist', 'Hip': 'hip', 'Knee': 'knee'}
#: Published column -> names of the keypoints whose mean it is.
POSETRACK_GROUPS = {
    'Head': ('neck', 'nose', 'head_top'),
    **{column: (f'right_{part}', f'left_{part}') for column, part in _PARTS.items()},
    'Ankl': ('right_ankle', 'left_ankle'),
}


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame: G annotated and P predicted people with K keypoints, in pixels.

    Attributes:
        video: Number of its video.
        truth: Annotated keypoints (G, K, 2).
        labelled: Which of them are annotated (G, K).
        head_sizes: Sizes of the heads (G,), see :func:`posenas.evaluation.functional.head_sizes`.
        truth_tracks: Identities of the annotated people (G,).
        results: Predicted keypoints (P, K, 2).
        found: Which of them are predicted (P, K).
        scores: Their confidences (P, K).
        result_tracks: Identities of the predicted people (P,).
    """

    video: int
    truth: Floats
    labelled: Flags
    head_sizes: Floats
    truth_tracks: Integers
    results: Floats
    found: Flags
    scores: Floats
    result_tracks: Integers


@dataclass(frozen=True, eq=False)
class JointDetections:
    """All predicted keypoints of some videos, judged; N keypoints, V videos.

    Attributes:
        joints: Number of the keypoint, ascending (N,).
        scores: Confidences, descending for each keypoint (N,).
        videos: Number of the video (N,).
        correct: Whether the keypoint is where its person's is annotated (N,).
        num_labelled: Annotated keypoints of each video (V, K).
    """

    joints: Integers
    scores: Floats
    videos: Integers
    correct: Flags
    num_labelled: Integers


def relative_distances(frame: VideoFrame) -> Floats:
    """Return the distances of predicted from annotated keypoints, in sizes of the annotated head.

    Returns:
        (P, G, K), infinite where a keypoint is missing on either side or the head has no size.
    """
    offsets = frame.results[:, None] - frame.truth[None]
    sizes = frame.head_sizes[None, :, None]
    exists = frame.found[:, None] & frame.labelled[None] & (sizes > 0)
    distances: Floats = np.linalg.norm(offsets, axis=-1) / np.where(sizes > 0, sizes, 1)
    return np.where(exists, distances, np.inf)


def assign_persons(matched: Flags, labelled: Flags) -> Integers:
    """Assign predicted to annotated people by the share of annotated keypoints they match.

    Each prediction may go to the annotated person it matches best; of those that may, each
    annotated person gets the best.

    Args:
        matched: Which keypoints are near each other (P, G, K).
        labelled: Which keypoints are annotated (G, K).

    Returns:
        The annotated person of each prediction (P,), -1 without one.
    """
    assigned = np.full(matched.shape[0], -1)
    if matched.size == 0:
        return assigned
    shares = matched.sum(-1) / np.maximum(labelled.sum(-1), 1)  # (P, G)
    best = shares.argmax(1)
    is_best = np.arange(shares.shape[1]) == best[:, None]
    shares = np.where(is_best, shares, 0)
    chosen = shares.argmax(0)  # (G,)
    persons = np.flatnonzero(shares.max(0) > 0)
    assigned[chosen[persons]] = persons
    return assigned


def collect_detections(frames: Sequence[VideoFrame], num_videos: int) -> JointDetections:
    """Judge every predicted keypoint.

    A keypoint is correct if its person was assigned to an annotated one whose keypoint lies within
    :data:`MATCH_DISTANCE`; so keypoints that are not annotated count as wrong.
    """
    num_labelled = np.zeros((num_videos, POSETRACK17.num_joints), np.int64)
    for frame in frames:
        num_labelled[frame.video] += frame.labelled.sum(0)
    none = np.zeros((0, POSETRACK17.num_joints))  # for no frames at all
    exists = np.concatenate([none, *(frame.found for frame in frames)]) > 0
    persons, joints = np.nonzero(exists)
    scores = np.concatenate([none, *(frame.scores for frame in frames)])[exists]
    correct = np.concatenate([none, *map(_judge, frames)])[exists] > 0
    videos = np.array([frame.video for frame in frames for _ in frame.found], np.int64)[persons]
    order = np.lexsort((-scores, joints))  # stable
    return JointDetections(
        joints[order], scores[order], videos[order], correct[order], num_labelled
    )


def _judge(frame: VideoFrame) -> Flags:
    """Return which predicted keypoints (P, K) are right."""
    matched = relative_distances(frame) <= MATCH_DISTANCE
    assigned = assign_persons(matched, frame.labelled)
    right = np.zeros(frame.found.shape, bool)
    rows = np.flatnonzero(assigned >= 0)
    right[rows] = matched[rows, assigned[rows]]
    return right


def joint_precision(
    detections: JointDetections, weights: Floats | None = None
) -> tuple[Floats, Floats, Floats]:
    """Compute average precision, and precision and recall of all predictions, of each keypoint.

    Args:
        detections: Result of :func:`collect_detections`.
        weights: How often each video counts (V,); None counts each once.

    Returns:
        Three arrays (K,), percent; NaN for keypoints that are never annotated.
    """
    if weights is None:
        weights = np.ones(len(detections.num_labelled))
    num_labelled = weights @ detections.num_labelled  # (K,)
    bounds = np.searchsorted(detections.joints, np.arange(len(num_labelled) + 1))
    values = np.full((3, len(num_labelled)), np.nan)
    row_weights = weights[detections.videos]
    for joint in np.flatnonzero(num_labelled > 0):
        rows = slice(bounds[joint], bounds[joint + 1])
        counted = row_weights[rows]
        values[:, joint] = _curve_statistics(
            detections.correct[rows][counted > 0], counted[counted > 0], num_labelled[joint]
        )
    average, precision, recall = 100 * values
    return average, precision, recall


def _curve_statistics(
    correct: Flags, weights: Floats, num_labelled: float
) -> tuple[float, float, float]:
    """Return area, last precision and last recall of keypoints (N,), the highest score first."""
    if len(correct) == 0:
        return 0.0, 0.0, 0.0
    hits = np.cumsum(weights * correct)
    precision = hits / np.cumsum(weights)
    recall = hits / num_labelled
    # Precision at a recall is the best at that or any greater recall.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    area = float((np.diff(recall, prepend=0.0) * envelope).sum())
    return area, float(precision[-1]), float(recall[-1])


def group_means(values: Floats, name: str) -> dict[str, float]:
    """Average values of keypoints as published.

    Args:
        values: (K,), NaN for keypoints that are never annotated.
        name: Name of the score, put behind each column, such as ``AP``.

    Returns:
        The columns of :data:`POSETRACK_GROUPS`, NaN where one of their keypoints is; and 'Total',
        the mean of all keypoints that are not NaN.
    """
    columns = {
        f'{column} {name}': float(
            values[[POSETRACK17.joint_index(joint) for joint in joints]].mean()
        )
        for column, joints in POSETRACK_GROUPS.items()
    }
    known = values[~np.isnan(values)]
    return columns | {f'Total {name}': float(known.mean()) if len(known) else float('nan')}
