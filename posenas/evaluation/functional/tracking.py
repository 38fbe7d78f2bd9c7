"""Identities of people in videos: multiple-object tracking accuracy and precision per keypoint.

Bernardin and Stiefelhagen, Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics,
EURASIP Journal on Image and Video Processing, 2008; applied to each keypoint by itself, with
distances in sizes of the head, as by PoseTrack's official tool. All scores are percentages.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from posenas.evaluation.functional.posetrack import (
    MATCH_DISTANCE,
    VideoFrame,
    relative_distances,
)
from posenas.skeletons import POSETRACK17

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrackCounts:
    """What happened to the keypoints of V videos; each array is (V, K).

    Attributes:
        labelled: Annotated keypoints.
        predicted: Predicted keypoints.
        matches: Annotated keypoints that a predicted one was matched with.
        switches: Matches with another identity than that of the annotated joint's last match.
        distances: Sum of the distances of all matches, sizes of the head.
    """

    labelled: Floats
    predicted: Floats
    matches: Floats
    switches: Floats
    distances: Floats


def match_identities(
    known: dict[int, int], objects: Sequence[int], hypotheses: Sequence[int], distances: Floats
) -> tuple[list[tuple[int, int]], int]:
    """Match the annotated objects of a frame with the hypotheses of a tracker.

    An object keeps the hypothesis it was matched with last while both are near each other. As many
    others as possible are matched, at the least total distance.

    Args:
        known: Last hypothesis of each object seen so far; brought up to date.
        objects: Identities in this frame (O,).
        hypotheses: Identities in this frame (H,).
        distances: (O, H), infinite where they are not near.

    Returns:
        Rows and columns of the matches, and how many of them contradict ``known``.
    """
    columns = {identity: column for column, identity in enumerate(hypotheses)}
    kept: dict[int, int] = {}  # column -> row
    for row, identity in enumerate(objects):
        column = columns.get(known[identity]) if identity in known else None
        if column is not None and column not in kept and np.isfinite(distances[row, column]):
            kept[column] = row
    free = np.array(distances, np.float64)
    free[list(kept.values())] = np.inf
    free[:, list(kept)] = np.inf
    pairs = [(row, column) for column, row in kept.items()]
    switches = 0
    for row, column in _match_most(free):
        switches += known.get(objects[row], hypotheses[column]) != hypotheses[column]
        known[objects[row]] = hypotheses[column]
        pairs.append((row, column))
    return pairs, switches


def _match_most(distances: Floats) -> list[tuple[int, int]]:
    """Match as many rows and columns of finite distance as possible, at the least total."""
    near = np.isfinite(distances)
    if not near.any():
        return []
    # One pair that is not near costs more than all that are.
    costs = np.where(near, distances, 1 + distances[near].sum())
    rows, columns = linear_sum_assignment(costs)
    chosen = near[rows, columns]
    return list(zip(rows[chosen].tolist(), columns[chosen].tolist(), strict=True))


def count_tracks(frames: Sequence[VideoFrame], num_videos: int) -> TrackCounts:
    """Follow the identity of every keypoint through the frames, which are in order of time."""
    num_joints = POSETRACK17.num_joints
    counts = TrackCounts(*np.zeros((5, num_videos, num_joints)))
    known: list[list[dict[int, int]]] = [[{} for _ in range(num_joints)] for _ in range(num_videos)]
    for frame in frames:
        distances = relative_distances(frame).swapaxes(0, 1)  # (G, P, K)
        distances = np.where(distances <= MATCH_DISTANCE, distances, np.inf)
        counts.labelled[frame.video] += frame.labelled.sum(0)
        counts.predicted[frame.video] += frame.found.sum(0)
        for joint in range(num_joints):
            rows = np.flatnonzero(frame.labelled[:, joint])
            columns = np.flatnonzero(frame.found[:, joint])
            near = distances[rows][:, columns, joint]
            pairs, switches = match_identities(
                known[frame.video][joint],
                frame.truth_tracks[rows].tolist(),
                frame.result_tracks[columns].tolist(),
                near,
            )
            counts.matches[frame.video, joint] += len(pairs)
            counts.switches[frame.video, joint] += switches
            counts.distances[frame.video, joint] += sum(near[pair] for pair in pairs)
    return counts


def track_scores(counts: TrackCounts, weights: Floats | None = None) -> dict[str, Floats]:
    """Compute the scores of each keypoint over all videos.

    Args:
        counts: Result of :func:`count_tracks`.
        weights: How often each video counts (V,); None counts each once.

    Returns:
        Four arrays (K,), percent, NaN for keypoints that are never annotated: ``MOTA``, 100 less
        the share of misses, surplus keypoints and switches among the annotated; ``MOTP``, 100 less
        the mean distance of matches in sizes of the head, 0 without any; ``MOT Precision`` and
        ``MOT Recall`` of the matches.
    """
    if weights is None:
        weights = np.ones(len(counts.labelled))
    labelled = weights @ counts.labelled
    predicted = weights @ counts.predicted
    matches = weights @ counts.matches
    errors = labelled + predicted - 2 * matches + weights @ counts.switches
    scores = {
        'MOTA': 1 - _divide(errors, labelled),
        'MOTP': np.where(matches > 0, 1 - _divide(weights @ counts.distances, matches), 0),
        'MOT Precision': _divide(matches, predicted),
        'MOT Recall': _divide(matches, labelled),
    }
    return {name: np.where(labelled > 0, 100 * each, np.nan) for name, each in scores.items()}


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    return np.asarray(numerator / np.where(denominator > 0, denominator, 1))
