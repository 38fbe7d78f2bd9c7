"""The people of a test, kept for a report."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from posenas.evaluation.metrics.base import PoseMetric, predicted_keypoints
from posenas.evaluation.metrics.pck import take_poses


class PeopleCollector(PoseMetric):
    """Keep what was found of each person beside its label, instead of scoring.

    Attributes:
        people: For each person ``prediction`` and ``keypoints`` (K, 2), ``labelled`` (K,), ``bbox``
            (4,), ``scores`` (K,), ``img_id`` and ``img_path``; in the main process.
    """

    people: Sequence[Mapping[str, Any]] = ()

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take poses, scores and the image."""
        scores = predicted_keypoints(sample)[:, 2]
        image = dict(img_id=sample['img_id'], img_path=str(sample['img_path']))
        return dict(take_poses(sample), scores=np.asarray(scores), **image)

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Keep the people; there are no scores."""
        self.people = list(results)
        return {}
