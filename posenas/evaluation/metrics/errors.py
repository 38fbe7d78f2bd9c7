"""Distances between predicted and annotated keypoints, in pixels or in units of the instance."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from posenas.evaluation.functional import (
    bbox_size,
    mean_accuracy,
    normalised_distances,
    segment_size,
)
from posenas.evaluation.metrics.base import PoseMetric
from posenas.evaluation.metrics.pck import stack_poses, take_poses
from posenas.registry import METRICS
from posenas.utils import ConfigError, check_choice, check_positive

#: Data set -> keypoints whose distance is the unit of :class:`NME`; of faces the outer corners of
#: the eyes, as their benchmarks have it.
_ENDS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        **dict.fromkeys(('300vw', '300w', '300wlp', 'coco_wholebody_face'), (36, 45)),
        'cofw': (8, 9),
        'horse10': (0, 1),
        'lapa': (66, 79),
        'wflw': (60, 72),
    }
)


def _measure(
    results: Sequence[Mapping[str, Any]],
    unit: float | Callable[[dict[str, np.ndarray]], np.ndarray],
) -> np.ndarray:
    """Return the distances of labelled keypoints (M,) in units of pixels, or of each instance."""
    if not results:
        return np.full(1, np.nan)
    poses = stack_poses(results)
    sizes = unit(poses) if callable(unit) else np.full(len(results), float(unit))
    return normalised_distances(poses['prediction'], poses['keypoints'], poses['labelled'], sizes)


def _mean(distances: np.ndarray) -> float:
    """Return the mean of those that count; NaN where none does."""
    counted = distances[~np.isnan(distances)]
    return float(counted.mean()) if counted.size else float('nan')


@METRICS.register_module()
class AUC(PoseMetric):
    """Area under the curve of PCK over thresholds from 0 up to a number of pixels.

    The score ``AUC``, in [0, 1], is the mean of PCK at ``num_thrs`` equidistant thresholds from 0
    on. Differs from MMPose: a distance equal to the threshold is correct.

    Args:
        norm_factor: Pixels of the image where the curve ends.
        num_thrs: Number of thresholds.
        **kwargs: Arguments of :class:`PoseMetric`.
    """

    def __init__(self, norm_factor: float = 30, num_thrs: int = 20, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive('norm_factor', norm_factor)
        check_positive('num_thrs', num_thrs)
        self.norm_factor, self.num_thrs = norm_factor, num_thrs

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted keypoints, annotated keypoints, their labels and the box."""
        return take_poses(sample)

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute the mean of the curve; NaN without people."""
        if not results:
            return dict(AUC=float('nan'))
        distances = _measure(results, self.norm_factor)
        thresholds = np.arange(self.num_thrs) / self.num_thrs
        return dict(AUC=float(np.mean([mean_accuracy(distances, t) for t in thresholds])))


@METRICS.register_module()
class EPE(PoseMetric):
    """End-point error: mean distance of all labelled keypoints, pixels of the image.

    Takes the arguments of :class:`PoseMetric`.
    """

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted keypoints, annotated keypoints, their labels and the box."""
        return take_poses(sample)

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute ``EPE``; NaN without people."""
        return dict(EPE=_mean(_measure(results, 1)))


@METRICS.register_module()
class NME(PoseMetric):
    """Normalised mean error: mean distance of all labelled keypoints in units of the instance.

    Differs from MMPose: ``box_size`` and ``bbox_size`` are the longer side of the annotated box.

    Args:
        norm_mode: 'keypoint_distance', or 'use_norm_item' for the size of the box.
        norm_item: 'box_size' or 'bbox_size'; only with 'use_norm_item'.
        keypoint_indices: Both keypoints whose distance is the unit; None takes those that the
            benchmark of the data set has.
        **kwargs: Arguments of :class:`PoseMetric`.

    Raises:
        ConfigError: The arguments name no unit.
    """

    def __init__(
        self,
        norm_mode: str,
        norm_item: str | None = None,
        keypoint_indices: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice('norm_mode', norm_mode, ('use_norm_item', 'keypoint_distance'))
        if norm_mode == 'use_norm_item':
            check_choice('norm_item', norm_item, ('box_size', 'bbox_size'))
        elif keypoint_indices is not None and len(keypoint_indices) != 2:
            raise ConfigError(f'keypoint_indices must be two keypoints, got {keypoint_indices}')
        self.norm_mode, self.keypoint_indices = norm_mode, keypoint_indices

    def check_skeleton(self, meta: Mapping[str, Any]) -> None:
        """Require the keypoints of the unit; see :meth:`PoseMetric.check_skeleton`."""
        if self.norm_mode == 'keypoint_distance':
            self._find_ends(meta)

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted keypoints, annotated keypoints, their labels and the box."""
        return take_poses(sample)

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute ``NME``; NaN where no unit could be measured."""
        return dict(NME=_mean(_measure(results, self._find_sizes)))

    def _find_sizes(self, poses: Mapping[str, np.ndarray]) -> np.ndarray:
        """Measure the instances, (N,) pixels."""
        if self.norm_mode == 'use_norm_item':
            return bbox_size(poses['bbox'])
        ends = self._find_ends(self.dataset_meta)
        return segment_size(poses['keypoints'], poses['labelled'], ends)

    def _find_ends(self, meta: Mapping[str, Any]) -> tuple[int, int]:
        given = self.keypoint_indices
        ends = _ENDS.get(str(meta['dataset_name'])) if given is None else tuple(given)
        if ends is None:
            raise ConfigError(
                f'keypoint_indices must be set for {meta["dataset_name"]!r}: no unit is known but '
                f'for {sorted(_ENDS)}'
            )
        if not 0 <= min(ends) <= max(ends) < meta['num_keypoints']:
            raise ConfigError(
                f'keypoint_indices must be two of the {meta["num_keypoints"]} keypoints, got {ends}'
            )
        return ends
