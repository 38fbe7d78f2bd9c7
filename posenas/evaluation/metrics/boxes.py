"""Average precision of person boxes by the rules of COCO."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from posenas.evaluation.functional import evaluate_boxes, recall_and_false_boxes
from posenas.evaluation.metrics.base import PoseMetric, load_annotations
from posenas.geometry import bbox_xyxy2xywh
from posenas.registry import METRICS
from posenas.utils.atomic_io import write_json


@METRICS.register_module()
class CocoBoxMetric(PoseMetric):
    """COCO box AP and AR of one class, and recall and false boxes at the threshold in use.

    One sample is one image. Keys: those of COCO, ``recall``, the share of people found at IoU 0.5
    with at least ``score_thr``, ``false per image``, and ``threshold``.

    Args:
        ann_file: COCO JSON with the ground truth.
        score_thr: Threshold of the score; None takes the least one with at most
            ``max_false_per_image``.
        max_false_per_image: See ``score_thr``.
        outfile_prefix: Results go to ``<outfile_prefix>.bbox.json``; nowhere if not given.
        **kwargs: Arguments of :class:`PoseMetric`.

    Raises:
        DataError: ``ann_file`` cannot be read.
    """

    default_prefix = 'bbox'
    _COUNTED: ClassVar[str] = 'images'

    def __init__(
        self,
        ann_file: str | Path,
        score_thr: float | None = None,
        max_false_per_image: float = 2.0,
        outfile_prefix: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ground_truth = load_annotations(ann_file)
        self.score_thr = score_thr
        self.max_false_per_image = max_false_per_image
        self.outfile_prefix = outfile_prefix

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take boxes (N, 4), corners in pixels of the image, and scores (N,)."""
        found = sample['pred_instances']
        return dict(bboxes=np.asarray(found['bboxes']), scores=np.asarray(found['bbox_scores']))

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Write the result file, evaluate."""
        category = self.ground_truth['categories'][0]['id']
        rows = [
            dict(
                image_id=result['img_id'],
                category_id=category,
                bbox=box.tolist(),
                score=float(score),
            )
            for result in results
            for box, score in zip(
                bbox_xyxy2xywh(result['bboxes'].astype(np.float64)), result['scores'], strict=True
            )
        ]
        if self.outfile_prefix is not None:
            write_json(f'{self.outfile_prefix}.bbox.json', rows)
        images = {result['img_id'] for result in results}
        truth = dict(
            self.ground_truth,
            images=[i for i in self.ground_truth['images'] if i['id'] in images],
            annotations=[a for a in self.ground_truth['annotations'] if a['image_id'] in images],
        )
        threshold = self.score_thr
        if threshold is None:
            threshold = self._find_threshold(truth, rows)
        recall, false = recall_and_false_boxes(truth, rows, threshold)
        scores = {'recall': recall, 'false per image': false, 'threshold': threshold}
        return evaluate_boxes(truth, rows) | scores

    def _find_threshold(self, truth: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> float:
        """Return the least threshold, in hundredths, with few enough false boxes."""
        low, high = 0, 100
        while low < high:  # false boxes become fewer as the threshold rises
            middle = (low + high) // 2
            false = recall_and_false_boxes(truth, rows, middle / 100)[1]
            low, high = (low, middle) if false <= self.max_false_per_image else (middle + 1, high)
        return low / 100
