"""Predictions as a file, in the form of MMPose 0.x."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.fileio import dump

from posenas.evaluation.metrics.base import PoseMetric, predicted_keypoints
from posenas.registry import METRICS
from posenas.utils import check_positive, make_folder
from posenas.utils.telling import tell

#: MMPose 0.x gives the size of a box in units of this many pixels.
_PIXEL_STD = 200


@METRICS.register_module()
class ResultFile(PoseMetric):
    """Write predictions instead of scoring them.

    The file holds a list with one dict per batch of B people: ``preds`` (B, K, 3) x, y and
    confidence in image pixels; ``boxes`` (B, 6) centre x, y and padded width, height in units of
    200 pixels, area in square pixels, score; ``image_paths`` and ``bbox_ids`` (B,); and
    ``output_heatmap``, None. Batches follow the order of the dataset for any number of processes.

    Args:
        out_file: File to write; its suffix, .json, .yaml or .pkl, says how.
        batch_size: People per dict.
        **kwargs: Arguments of :class:`PoseMetric`.
    """

    def __init__(self, out_file: str | Path, batch_size: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_positive('batch_size', batch_size)
        self.out_file = str(out_file)
        self.batch_size = batch_size

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take predicted keypoints, crop box and path."""
        center = np.asarray(sample['input_center'], np.float64)
        scale = np.asarray(sample['input_scale'], np.float64)
        score = float(sample['pred_instances']['bbox_scores'][0])
        return dict(
            preds=predicted_keypoints(sample).tolist(),
            boxes=[*center.tolist(), *(scale / _PIXEL_STD).tolist(), float(scale.prod()), score],
            image_path=str(sample['img_path']),
        )

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Write the file; there are no scores."""
        batches = [
            self._to_batch(results[start : start + self.batch_size])
            for start in range(0, len(results), self.batch_size)
        ]
        tell(f'writing results to {self.out_file}')
        make_folder(Path(self.out_file).parent)
        dump(batches, self.out_file)
        return {}

    def _to_batch(self, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Collect some people under the names of MMPose 0.x; arrays except in text files."""
        preds = [result['preds'] for result in results]
        boxes = [result['boxes'] for result in results]
        is_binary = self.out_file.endswith(('.pkl', '.pickle'))
        return dict(
            preds=np.array(preds) if is_binary else preds,
            boxes=np.array(boxes) if is_binary else boxes,
            image_paths=[result['image_path'] for result in results],
            bbox_ids=[result['id'] for result in results],
            output_heatmap=None,
        )
