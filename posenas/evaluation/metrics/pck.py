"""Percentage of correct keypoints against the annotations that travel with the samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from posenas.evaluation.functional import (
    bbox_size,
    mean_accuracy,
    normalised_distances,
    segment_size,
)
from posenas.evaluation.metrics.base import PoseMetric, predicted_keypoints
from posenas.registry import METRICS
from posenas.utils import ConfigError, DataError, check_choice, check_positive
from posenas.utils.atomic_io import atomic_write

#: Normaliser -> name of the score.
SCORES = {'bbox': 'PCK', 'head': 'PCKh', 'torso': 'tPCK'}
#: Normaliser -> alternatives of the two keypoints whose distance it is.
_SEGMENTS = {
    'head': (('head_top', 'upper_neck'), ('head_top', 'neck'), ('top_head', 'neck')),
    'torso': (('left_shoulder', 'right_hip'),),
}


@METRICS.register_module()
class PCKAccuracy(PoseMetric):
    """Share of keypoints within a distance relative to the person, mean over keypoint types.

    Scores, in [0, 1]: ``PCK`` in units of the longer side of the person's box, ``PCKh`` of the
    head segment, ``tPCK`` of the torso (left shoulder to right hip). People without the keypoints
    that define their normaliser are left out of that score. Differs from MMPose: a distance equal
    to the threshold is correct.

    Args:
        thr: Largest distance of a correct keypoint, in units of the normaliser.
        norm_item: 'bbox', 'head', 'torso', or several of them.
        by_visibility: Whether to give scores of visible and of occluded keypoints too, such as
            ``PCK visible`` and ``PCK hidden``, where the annotations say which are.
        distances_file: NumPy file (.npz) for the ``distances`` (N, K) in units of the first of
            ``norm_item``, in the order of the samples, NaN where a keypoint is not labelled.
        **kwargs: Arguments of :class:`PoseMetric`.
    """

    def __init__(
        self,
        thr: float = 0.05,
        norm_item: str | Sequence[str] = 'bbox',
        by_visibility: bool = False,
        distances_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive('thr', thr)
        self.distances_file = distances_file
        self.thr = thr
        self.by_visibility = by_visibility
        self.norm_items = list_norm_items(norm_item)

    def check_skeleton(self, meta: Mapping[str, Any]) -> None:
        """Require the keypoints of the normalisers; see :meth:`PoseMetric.check_skeleton`."""
        joints = meta['keypoint_name2id']
        for item in self.norm_items:
            if not _fits(item, joints):
                fitting = {other: name for other, name in SCORES.items() if _fits(other, joints)}
                raise ConfigError(
                    f'norm_item={item!r} needs a skeleton with the keypoints {_SEGMENTS[item]} for '
                    f'{SCORES[item]}, got {list(joints)}: this one fits {fitting}'
                )

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted keypoints, annotated keypoints, their labels and the box.

        Raises:
            ConfigError: ``by_visibility`` is set and the sample has no annotation.
        """
        poses = take_poses(sample)
        if self.by_visibility:
            if 'raw_ann_info' not in sample:
                raise ConfigError('by_visibility needs annotated people in test mode: drop it')
            flags = np.reshape(sample['raw_ann_info']['keypoints'], (-1, 3))[:, 2]
            poses['hidden'] = flags == 1
        return poses

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute one score per normaliser; NaN where no person counts.

        Raises:
            DataError: There are people but no annotated keypoint, as with detected boxes.
        """
        distances = measure_distances(results, self.norm_items, self.dataset_meta)
        if self.distances_file:
            with atomic_write(self.distances_file) as file:
                np.savez(file, distances=next(iter(distances.values())))
        return self._score(results, distances)

    def score_position(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Score people at one place in the period; see :meth:`PoseMetric.score_position`."""
        found = measure_distances(results, self.norm_items, self.dataset_meta)
        return self._score(results, found)

    def _score(
        self, results: Sequence[Mapping[str, Any]], distances: Mapping[str, np.ndarray]
    ) -> dict[str, float]:
        scores = {name: mean_accuracy(values, self.thr) for name, values in distances.items()}
        if self.by_visibility and results:
            hidden = np.stack([result['hidden'] for result in results])  # (N, K)
            for name, values in distances.items():
                for word, is_meant in (('visible', ~hidden), ('hidden', hidden)):
                    part = np.where(is_meant, values, np.nan)
                    scores[f'{name} {word}'] = mean_accuracy(part, self.thr)
        return scores


def list_norm_items(norm_item: str | Sequence[str]) -> tuple[str, ...]:
    """Return the normalisers that ``norm_item`` names, each of 'bbox', 'head' and 'torso'."""
    items = (norm_item,) if isinstance(norm_item, str) else tuple(norm_item)
    for item in items:
        check_choice('norm_item', item, SCORES)
    return items


def take_poses(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Take what :func:`measure_distances` reads of a data sample."""
    truth = sample['gt_instances']
    return dict(
        prediction=predicted_keypoints(sample)[:, :2],
        keypoints=np.asarray(truth['keypoints'])[0, :, :2],
        labelled=np.asarray(truth['keypoints_visible'])[0] > 0,
        bbox=np.asarray(truth['bboxes'])[0],
    )


def measure_distances(
    results: Sequence[Mapping[str, Any]], norm_items: Sequence[str], meta: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Return the distances (N, K) in units of each normaliser, by the name of its score.

    Args:
        results: What :func:`take_poses` took of each person.
        norm_items: Normalisers.
        meta: The data set's ``dataset_meta``.

    Raises:
        DataError: There are people but no annotated keypoint, as with detected boxes.
    """
    joints = meta['keypoint_name2id']
    if not results:
        return {SCORES[item]: np.zeros((0, len(joints))) for item in norm_items}
    arrays = stack_poses(results)
    poses = arrays['prediction'], arrays['keypoints'], arrays['labelled']
    return {
        SCORES[item]: normalised_distances(*poses, _sizes(item, arrays, joints))
        for item in norm_items
    }


def stack_poses(results: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Stack what :func:`take_poses` took of each person, (N, ...).

    Raises:
        DataError: There is no annotated keypoint, as with detected boxes.
    """
    arrays = {
        name: np.stack([result[name] for result in results])
        for name in ('prediction', 'keypoints', 'labelled', 'bbox')
    }
    if not arrays['labelled'].any():
        raise DataError(
            'samples must have annotated keypoints, got none: evaluate annotated boxes '
            '(bbox_file=None) or by a metric with an ann_file'
        )
    return arrays


def _find_ends(item: str, joints: Mapping[str, int]) -> tuple[int, int] | None:
    """Return the two keypoints whose distance is the normaliser; None where one is missing."""
    pairs = [pair for pair in _SEGMENTS[item] if joints.keys() >= set(pair)]
    return (joints[pairs[0][0]], joints[pairs[0][1]]) if pairs else None


def _fits(item: str, joints: Mapping[str, int]) -> bool:
    return item == 'bbox' or _find_ends(item, joints) is not None


def _sizes(item: str, arrays: Mapping[str, np.ndarray], joints: Mapping[str, int]) -> np.ndarray:
    """Measure each person by one of the normalisers, (N,) pixels."""
    if item == 'bbox':
        return bbox_size(arrays['bbox'])
    return segment_size(arrays['keypoints'], arrays['labelled'], _find_ends(item, joints))
