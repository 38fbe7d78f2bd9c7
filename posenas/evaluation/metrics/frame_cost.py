"""What the networks of a video cost per frame."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from posenas.evaluation.metrics.base import PoseMetric
from posenas.registry import METRICS
from posenas.utils import ConfigError


@METRICS.register_module()
class FrameCost(PoseMetric):
    """Mean cost of a person in a frame, as it came to be with the tracks of the data.

    Scores: ``macs``, multiply-accumulates of convolutions and linear layers, mean over people and
    frames; ``params``, parameters of all networks of the period; ``key_share``, the share that the
    key network saw.

    Args:
        **kwargs: Arguments of :class:`PoseMetric`.
    """

    default_prefix = 'frame'

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take what :class:`posenas.models.OnlinePoseEstimator` says of each frame.

        Raises:
            ConfigError: Another model made the prediction.
        """
        if 'period_position' not in sample:
            raise ConfigError(
                'FrameCost needs the predictions of an OnlinePoseEstimator: drop it for other '
                'models, whose cost posenas summary shows'
            )
        return dict(macs=sample['macs'], params=sample['params'])

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Average over people and frames."""
        return dict(
            macs=np.mean([result['macs'] for result in results]),
            params=max(result['params'] for result in results),
            key_share=np.mean([result['position'] == 0 for result in results]),
        )
