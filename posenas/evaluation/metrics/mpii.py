"""PCKh on MPII."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posenas.evaluation.functional import (
    PCKH_THRESHOLDS,
    head_distances,
    head_sizes,
    pckh,
    pckh_mean,
)
from posenas.evaluation.metrics.base import PoseMetric, predicted_keypoints
from posenas.registry import METRICS
from posenas.utils import ConfigError, DataError, check_positive
from posenas.utils.mat_file import write_mat
from posenas.utils.telling import tell


@METRICS.register_module()
class MpiiPCKAccuracy(PoseMetric):
    """Share of keypoints within a distance relative to the head, as published for MPII.

    Scores, in percent; a distance equal to the threshold is correct:

    - ``PCKh`` within ``thr`` times the head's size: all visible keypoints but pelvis and thorax.
      ``PCK`` is the same under MMPose's name.
    - ``Head PCK``, ``Shoulder PCK``, ``Elbow PCK``, ``Wrist PCK``, ``Hip PCK``, ``Knee PCK`` and
      ``Ankle PCK``: the same per keypoint, the plain mean of left and right.
    - ``PCKh@0.1`` within 0.1; ``PCK@0.1`` is the same under MMPose's name.
    - ``PCKh@0.11`` within 0.11, which older tables print as PCKh@0.1.
    - ``AUC``: mean over the thresholds 0, 0.01, ..., 0.5.

    Differs from MMPose 1.x, which counts a distance equal to the threshold as wrong.

    Args:
        thr: Largest distance of a correct keypoint, in head sizes.
        norm_item: Only 'head'; kept for configs written for MMPose.
        pred_file: MATLAB file to write: ``preds`` (N, 16, 2), pixels counted from 1 as MPII's
            tools do, row i for person i of the annotation file; NaN where it was not predicted.
        **kwargs: Arguments of :class:`PoseMetric`.
    """

    def __init__(
        self,
        thr: float = 0.5,
        norm_item: str = 'head',
        pred_file: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_positive('thr', thr)
        if norm_item not in ('head', ['head'], ('head',)):
            raise ConfigError(
                f"norm_item must be 'head', got {norm_item!r}: use PCKAccuracy for other units"
            )
        self.thr = thr
        self.pred_file = pred_file

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted keypoints and, where the sample has them, annotations and head box.

        Raises:
            DataError: The sample has annotated keypoints but no head box.
        """
        result: dict[str, Any] = dict(prediction=predicted_keypoints(sample)[:, :2])
        truth = sample.get('raw_ann_info')
        if truth is None:
            return result
        if 'head_box' not in truth:
            raise DataError(
                f'sample {sample["id"]} must have a head box: give the data set its headbox_file, '
                'such as mpii_gt_val.mat'
            )
        keypoints = np.reshape(truth['keypoints'], (-1, 3))
        return result | dict(keypoints=keypoints, head_box=np.asarray(truth['head_box']))

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Compute the scores listed by the class; none without annotations.

        Raises:
            DataError: There are neither annotations to compare with nor a file to write.
        """
        if self.pred_file is not None:
            self._write(results)
        labelled = [result for result in results if 'keypoints' in result]
        if not labelled and results:
            if self.pred_file is None:
                raise DataError(
                    'samples must have annotated keypoints, got none: for the test split give '
                    'pred_file, to which predictions are written'
                )
            return {}
        predictions, keypoints, boxes = _stack(labelled)
        sizes = head_sizes(boxes)
        distances = head_distances(predictions, keypoints[..., :2], keypoints[..., 2] > 0, sizes)
        columns = pckh(distances, self.thr)
        mean = columns.pop('Mean')
        tenth = pckh_mean(distances, 0.1)
        return {
            **{f'{name} PCK': value for name, value in columns.items()},
            'PCK': mean,
            'PCK@0.1': tenth,
            'PCKh': mean,
            'PCKh@0.1': tenth,
            'PCKh@0.11': pckh_mean(distances, 0.11),
            'AUC': float(np.mean([pckh_mean(distances, t) for t in PCKH_THRESHOLDS])),
        }

    def _write(self, results: Sequence[Mapping[str, Any]]) -> None:
        rows = np.array([result['id'] for result in results], np.int64)
        count = max(self._size, int(rows.max()) + 1 if len(rows) else 0)
        predictions = np.full((count, 16, 2), np.nan)
        if len(rows):
            joints = [result['prediction'] for result in results]
            predictions[rows] = np.asarray(joints, np.float64) + 1
        tell(f'writing predictions to {self.pred_file}')
        write_mat(self.pred_file, dict(preds=predictions))


def _stack(results: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions (N, 16, 2), annotations (N, 16, 3) and head boxes (N, 2, 2)."""
    shapes = {'prediction': (-1, 16, 2), 'keypoints': (-1, 16, 3), 'head_box': (-1, 2, 2)}
    first, second, third = (
        np.array([result[name] for result in results], np.float64).reshape(shape)
        for name, shape in shapes.items()
    )
    return first, second, third
