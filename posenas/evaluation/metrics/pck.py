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

__all__ = ['PCKAccuracy']

#: Normaliser -> name of the score.
_SCORES = {'bbox': 'PCK', 'head': 'PCKh', 'torso': 'tPCK'}
#: Normaliser -> alternatives of the two joints whose distance it is.
_SEGMENTS = {
    'head': (('head_top', 'upper_neck'), ('head_top', 'neck'), ('top_head', 'neck')),
    'torso': (('left_shoulder', 'right_hip'),),
}


@METRICS.register_module()
class PCKAccuracy(PoseMetric):
    """Share of joints within a distance relative to the person, mean over joint types.

    Scores, in [0, 1]: ``PCK`` in units of the longer side of the person's box, ``PCKh`` of the
    head segment, ``tPCK`` of the torso (left shoulder to right hip). Persons without the joints
    that define their normaliser are left out of that score. Differs from MMPose: a distance equal
    to the threshold is correct.

    Args:
        thr: Largest distance of a correct joint, in units of the normaliser.
        norm_item: 'bbox', 'head', 'torso', or several of them.
        **kwargs: Arguments of :class:`PoseMetric`.
    """

    def __init__(
        self, thr: float = 0.05, norm_item: str | Sequence[str] = 'bbox', **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_positive('thr', thr)
        self.thr = thr
        self.norm_items = (norm_item,) if isinstance(norm_item, str) else tuple(norm_item)
        for item in self.norm_items:
            check_choice('norm_item', item, _SCORES)

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted joints, annotated joints, their labels and the box."""
        truth = sample['gt_instances']
        return dict(
            prediction=predicted_keypoints(sample)[:, :2],
            keypoints=np.asarray(truth['keypoints'])[0, :, :2],
            labelled=np.asarray(truth['keypoints_visible'])[0] > 0,
            bbox=np.asarray(truth['bboxes'])[0],
        )

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute one score per normaliser; NaN where no person counts.

        Raises:
            DataError: There are persons but no annotated joint, as with detected boxes.
        """
        if not results:
            return {_SCORES[item]: float('nan') for item in self.norm_items}
        arrays = {
            name: np.stack([result[name] for result in results])
            for name in ('prediction', 'keypoints', 'labelled', 'bbox')
        }
        if not arrays['labelled'].any():
            raise DataError(
                'samples must have annotated joints, none has: evaluate annotated boxes '
                '(bbox_file=None) or by a metric with an ann_file'
            )
        scores = {}
        for item in self.norm_items:
            distances = normalised_distances(
                arrays['prediction'],
                arrays['keypoints'],
                arrays['labelled'],
                self._sizes(item, arrays),
            )
            scores[_SCORES[item]] = mean_accuracy(distances, self.thr)
        return scores

    def _sizes(self, item: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Measure each person by one of the normalisers, (N,) pixels."""
        if item == 'bbox':
            return bbox_size(arrays['bbox'])
        joints = self.dataset_meta['keypoint_name2id']
        for first, second in _SEGMENTS[item]:
            if first in joints and second in joints:
                ends = joints[first], joints[second]
                return segment_size(arrays['keypoints'], arrays['labelled'], ends)
        raise ConfigError(
            f'norm_item={item!r} needs a skeleton with the joints {_SEGMENTS[item]}, got '
            f"{list(joints)}: use norm_item='bbox'"
        )
