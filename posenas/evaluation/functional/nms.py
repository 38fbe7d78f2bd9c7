"""Removal of duplicate detections; lists hold row indices, best first, ties by row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posenas.evaluation.functional.oks import oks_matrix
from posenas.utils.checks import check_choice, check_shape

Floats = NDArray[np.floating]

#: What the score of an instance is made of: its box, its keypoints, the product of both, or the sum
#: of box, mean and best keypoint, as for regression with deviations.
SCORE_MODES = ('bbox', 'keypoint', 'bbox_keypoint', 'bbox_rle')


def instance_scores(
    bbox_scores: Floats,
    keypoint_scores: Floats,
    threshold: float = 0.2,
    mode: str = 'bbox_keypoint',
) -> NDArray[np.float64]:
    """Score instances by their box and the keypoints found in it.

    Args:
        bbox_scores: (N,) confidences of the person detector.
        keypoint_scores: (N, K) confidences of the keypoints.
        threshold: Only keypoints above it enter the mean, but all of them for 'bbox_rle'; without
            any the mean is 0.
        mode: One of :data:`SCORE_MODES`.

    Returns:
        (N,) scores.
    """
    check_choice('mode', mode, SCORE_MODES)
    boxes = np.asarray(bbox_scores, np.float64)
    if mode == 'bbox':
        return boxes
    joints = np.asarray(keypoint_scores, np.float64)
    if mode == 'bbox_rle':
        return np.asarray(boxes + joints.mean(-1) + joints.max(-1))
    passed = joints > threshold
    total = np.where(passed, joints, 0).sum(-1)
    means = np.asarray(total / np.maximum(passed.sum(-1), 1))
    return means if mode == 'keypoint' else boxes * means


def nms(
    similarity: Floats, scores: Floats, threshold: float, legacy_skip: bool = False
) -> list[int]:
    """Keep the best instance, drop what is too similar to it, repeat.

    Args:
        similarity: (N, N), row i against all: IoU of boxes, OKS of poses.
        scores: (N,), higher is better.
        threshold: An instance is dropped if its similarity to a kept one is greater.
        legacy_skip: Whether the next best after a dropped instance is not compared with the
            same kept one, an error of the published code of Pose Neural Fabrics Search.
    """
    if legacy_skip:
        return _nms_with_skips(similarity, scores, threshold)

    def drop(scores: NDArray[np.float64], row: Floats) -> NDArray[np.float64]:
        return np.where(row > threshold, -np.inf, scores)

    return _select(similarity, scores, drop, len(scores))


def soft_nms(similarity: Floats, scores: Floats, threshold: float, max_kept: int = 20) -> list[int]:
    """Order instances by scores that decay with the similarity to those taken before.

    Each score is multiplied by exp(-similarity ** 2 / threshold) for every instance taken.

    Args:
        similarity: (N, N), row i against all: IoU of boxes, OKS of poses.
        scores: (N,), not negative, higher is better.
        threshold: Width of the decay.
        max_kept: At most so many are taken.
    """

    def decay(scores: NDArray[np.float64], row: Floats) -> NDArray[np.float64]:
        return np.asarray(scores * np.exp(-(row**2) / threshold))

    return _select(similarity, scores, decay, max_kept)


def oks_nms(
    keypoints: Floats,
    scores: Floats,
    areas: Floats,
    sigmas: Floats,
    threshold: float,
    legacy_skip: bool = False,
) -> list[int]:
    """Apply :func:`nms` to poses; arrays as in :func:`oks_matrix`."""
    return nms(oks_matrix(keypoints, areas, sigmas), scores, threshold, legacy_skip)


def soft_oks_nms(
    keypoints: Floats, scores: Floats, areas: Floats, sigmas: Floats, threshold: float
) -> list[int]:
    """Apply :func:`soft_nms` to poses; arrays as in :func:`oks_matrix`."""
    return soft_nms(oks_matrix(keypoints, areas, sigmas), scores, threshold)


#: Ways to drop poses found twice; None keeps all.
NMS_MODES: Mapping[str, Callable[..., list[int]] | None] = MappingProxyType(
    {
        'oks_nms': oks_nms,
        'soft_oks_nms': soft_oks_nms,
        'legacy_oks_nms': partial(oks_nms, legacy_skip=True),
        'none': None,
    }
)


def select_poses(
    keypoints: Floats,
    bbox_scores: Floats,
    areas: Floats,
    sigmas: Floats,
    score_mode: str = 'bbox_keypoint',
    keypoint_score_thr: float = 0.2,
    nms_mode: str = 'oks_nms',
    nms_thr: float = 0.9,
) -> tuple[list[int], NDArray[np.float64]]:
    """Score the poses of one image and drop those found twice.

    Args:
        keypoints: (N, K, 3) x, y, confidence.
        bbox_scores: (N,) confidences of the person detector.
        areas: (N,) of the poses, square pixels.
        sigmas: (K,) standard deviations of the keypoints.
        score_mode: As in :func:`instance_scores`.
        keypoint_score_thr: As there.
        nms_mode: One of :data:`NMS_MODES`.
        nms_thr: OKS above which the lesser of two poses is dropped; decay of soft NMS.

    Returns:
        Rows that are kept, and the scores (N,) of all.
    """
    check_choice('nms_mode', nms_mode, NMS_MODES)
    scores = instance_scores(bbox_scores, keypoints[..., 2], keypoint_score_thr, score_mode)
    select = NMS_MODES[nms_mode]
    if select is None:
        return list(range(len(keypoints))), scores
    return select(keypoints[..., :2], scores, areas, sigmas, nms_thr), scores


@dataclass(frozen=True)
class PoseSelection:
    """Arguments of :func:`select_poses` that a metric is given.

    Args:
        score_mode: As in :func:`instance_scores`.
        keypoint_score_thr: As there.
        nms_mode: One of :data:`NMS_MODES`.
        nms_thr: As in :func:`select_poses`.

    Raises:
        ValueError: A mode is unknown.
    """

    score_mode: str
    keypoint_score_thr: float
    nms_mode: str
    nms_thr: float

    def __post_init__(self) -> None:
        check_choice('score_mode', self.score_mode, SCORE_MODES)
        check_choice('nms_mode', self.nms_mode, NMS_MODES)

    def __call__(
        self, persons: Sequence[Mapping[str, Any]], sigmas: Sequence[float]
    ) -> tuple[Floats, list[int], NDArray[np.float64]]:
        """Score the people of one image and drop those found twice.

        Args:
            persons: ``keypoints`` (K, 3), ``bbox_score`` and ``area`` of each.
            sigmas: (K,) standard deviations of the keypoints.

        Returns:
            Keypoints (N, K, 3), rows that are kept, and the scores (N,) of all.
        """
        keypoints = np.stack([person['keypoints'] for person in persons])
        boxes, areas = (np.array([p[key] for p in persons]) for key in ('bbox_score', 'area'))
        return keypoints, *select_poses(keypoints, boxes, areas, np.asarray(sigmas), **asdict(self))


def group_by_image(results: Iterable[Mapping[str, Any]]) -> dict[Any, list[Mapping[str, Any]]]:
    """Collect the people of each image, by ``img_id``."""
    images: dict[Any, list[Mapping[str, Any]]] = {}
    for result in results:
        images.setdefault(result['img_id'], []).append(result)
    return images


def _select(
    similarity: Floats,
    scores: Floats,
    rescore: Callable[[NDArray[np.float64], Floats], NDArray[np.float64]],
    max_kept: int,
) -> list[int]:
    """Take the best remaining instance and rescore the others by their similarity to it."""
    check_shape('similarity', similarity, (len(scores), len(scores)))
    remaining = np.array(scores, np.float64)
    kept: list[int] = []
    while len(kept) < max_kept and np.isfinite(remaining).any():
        best = int(np.argmax(remaining))
        kept.append(best)
        remaining[best] = -np.inf
        remaining = rescore(remaining, similarity[best])
    return kept


def _nms_with_skips(similarity: Floats, scores: Floats, threshold: float) -> list[int]:
    """Suppress as :func:`nms` with ``legacy_skip``."""
    check_shape('similarity', similarity, (len(scores), len(scores)))
    remaining: list[int] = np.argsort(-np.asarray(scores, np.float64), kind='stable').tolist()
    kept: list[int] = []
    while remaining:
        best, candidates = remaining[0], iter(remaining[1:])
        kept.append(best)
        remaining = []
        for candidate in candidates:
            if similarity[best, candidate] > threshold:
                remaining.extend(row for row in [next(candidates, None)] if row is not None)
            else:
                remaining.append(candidate)
    return kept
