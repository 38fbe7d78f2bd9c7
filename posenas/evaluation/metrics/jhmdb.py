"""PCK on JHMDB, by groups of keypoints."""

from collections.abc import Mapping, Sequence
from typing import Any

from posenas.evaluation.functional import mean_accuracy
from posenas.evaluation.metrics.base import PoseMetric
from posenas.evaluation.metrics.pck import list_norm_items, measure_distances, take_poses
from posenas.registry import METRICS
from posenas.utils import ConfigError, check_positive

#: Column of the published tables -> its keypoints.
_GROUPS = {
    'Head': ('head',),
    'Sho': ('right_shoulder', 'left_shoulder'),
    'Elb': ('right_elbow', 'left_elbow'),
    'Wri': ('right_wrist', 'left_wrist'),
    'Hip': ('right_hip', 'left_hip'),
    'Knee': ('right_knee', 'left_knee'),
    'Ank': ('right_ankle', 'left_ankle'),
}


@METRICS.register_module()
class JhmdbPCKAccuracy(PoseMetric):
    """Share of keypoints within a distance relative to the person, as published for JHMDB.

    Scores, in [0, 1]: ``Head PCK``, ``Sho PCK``, ``Elb PCK``, ``Wri PCK``, ``Hip PCK``,
    ``Knee PCK`` and ``Ank PCK``, each the mean of left and right; ``Mean PCK``, the mean over all
    15 keypoint types, also under the name ``PCK``. In units of the torso (left shoulder to right
    hip) the same with ``tPCK``. Differs from MMPose: a distance equal to the threshold is correct,
    and people without a labelled torso do not count in ``tPCK`` instead of being measured by the
    predicted one.

    Args:
        thr: Largest distance of a correct keypoint, in units of the normaliser; 0.2 in published
            tables.
        norm_item: 'bbox', 'torso', or both.
        **kwargs: Arguments of :class:`PoseMetric`.
    """

    def __init__(
        self, thr: float = 0.05, norm_item: str | Sequence[str] = 'bbox', **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_positive('thr', thr)
        self.thr = thr
        self.norm_items = list_norm_items(norm_item)
        if 'head' in self.norm_items:
            raise ConfigError(
                "norm_item must be 'bbox', 'torso' or both, got 'head': JHMDB has no head segment"
            )

    def check_skeleton(self, meta: Mapping[str, Any]) -> None:
        """Require the keypoints of JHMDB; see :meth:`PoseMetric.check_skeleton`."""
        joints = meta['keypoint_name2id']
        lacking = [name for names in _GROUPS.values() for name in names if name not in joints]
        if lacking:
            raise ConfigError(
                f'JhmdbPCKAccuracy needs the keypoints of JHMDB, the data set lacks {lacking}: '
                'use PCKAccuracy'
            )

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted keypoints, annotated keypoints, their labels and the box."""
        return take_poses(sample)

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute the scores listed by the class; NaN where no keypoint counts."""
        joints = self.dataset_meta['keypoint_name2id']
        scores = {}
        for name, distances in measure_distances(
            results, self.norm_items, self.dataset_meta
        ).items():
            for group, members in _GROUPS.items():
                places = [joints[member] for member in members]
                scores[f'{group} {name}'] = mean_accuracy(distances[:, places], self.thr)
            scores[f'Mean {name}'] = scores[name] = mean_accuracy(distances, self.thr)
        return scores

    def score_position(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Score people at one place in the period; see :meth:`PoseMetric.score_position`."""
        return self.score(results)
