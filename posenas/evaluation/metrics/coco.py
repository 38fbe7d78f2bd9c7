"""Average precision of poses by the rules of COCO and CrowdPose."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from posenas.annotations import WHOLE_BODY, Source
from posenas.evaluation.functional import (
    BACKENDS,
    STATISTICS,
    PoseSelection,
    evaluate_keypoints,
    group_by_image,
)
from posenas.evaluation.metrics.base import PoseMetric, load_annotations, predicted_keypoints
from posenas.geometry import convert_keypoints
from posenas.registry import METRICS
from posenas.utils import ConfigError, DataError, check_choice
from posenas.utils.atomic_io import write_json

#: Parts of COCO-WholeBody's people -> number of keypoints, in their order.
_PARTS = MappingProxyType(dict(body=17, foot=6, face=68, lefthand=21, righthand=21))


@METRICS.register_module()
class CocoMetric(PoseMetric):
    """COCO keypoint AP and AR after rescoring and removal of duplicate poses.

    The area of a pose in OKS-NMS is that of its padded box of fixed aspect ratio. Result files
    and evaluation carry no box, as for the official server. Images that could not be read leave
    the ground truth as well.

    Args:
        ann_file: COCO JSON with the ground truth. Without it, annotations come from the samples
            (``raw_ann_info``), so people that are not samples are missing.
        use_area: False takes 0.53 times the box for every area (CrowdPose).
        iou_type: 'keypoints', or 'keypoints_crowd' for CrowdPose's statistics.
        score_mode: Score of a pose: that of its 'bbox', the mean of its keypoints ('keypoint'),
            the product ('bbox_keypoint'), or the sum of box, mean and best keypoint ('bbox_rle').
        keypoint_score_thr: Keypoints enter the mean if their confidence is greater.
        nms_mode: 'oks_nms', 'soft_oks_nms', 'none', or 'legacy_oks_nms', the published form of
            Pose Neural Fabrics Search, see :func:`posenas.evaluation.functional.nms`.
        nms_thr: OKS above which the lesser of two poses is dropped; decay of soft NMS.
        format_only: Write the results and score nothing, for test sets without labels.
        pred_converter: Moves predicted keypoints to the skeleton of the ground truth:
            ``dict(type='KeypointConverter', num_keypoints=K, mapping=[(from, to), ...])``, where
            ``from`` may be a pair of keypoints whose middle is taken.
        gt_converter: The same for annotated keypoints.
        outfile_prefix: Results go to ``<outfile_prefix>.keypoints.json``; nowhere if not given.
        backend: 'faster_coco_eval' or 'xtcocotools'.
        whole_body: Whether the people are COCO-WholeBody's, of 133 keypoints; body, foot, face and
            both hands get scores of their own, such as ``face AP``.
        **kwargs: Arguments of :class:`PoseMetric`.

    Raises:
        ConfigError: ``format_only`` without ``outfile_prefix``.
        DataError: ``ann_file`` cannot be read, or lacks areas that are used.
    """

    default_prefix = 'coco'

    def __init__(
        self,
        ann_file: str | Path | None = None,
        use_area: bool = True,
        iou_type: str = 'keypoints',
        score_mode: str = 'bbox_keypoint',
        keypoint_score_thr: float = 0.2,
        nms_mode: str = 'oks_nms',
        nms_thr: float = 0.9,
        format_only: bool = False,
        pred_converter: Mapping[str, Any] | None = None,
        gt_converter: Mapping[str, Any] | None = None,
        outfile_prefix: str | None = None,
        backend: str = 'faster_coco_eval',
        whole_body: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice('iou_type', iou_type, STATISTICS)
        check_choice('backend', backend, BACKENDS)
        if format_only and outfile_prefix is None:
            raise ConfigError('format_only needs outfile_prefix, the place of the results')
        self.ground_truth = None
        if ann_file is not None and not format_only:
            is_crowd = iou_type == 'keypoints_crowd'
            self.ground_truth = load_annotations(
                ann_file,
                num_joints=sum(_PARTS.values()) if whole_body else None,
                keep_counts=is_crowd,
                source=Source('coco_wholebody', WHOLE_BODY) if whole_body else None,
            )
            if use_area:
                _require_areas(ann_file, self.ground_truth)
        self.use_area = use_area
        self.iou_type = iou_type
        self.select = PoseSelection(score_mode, keypoint_score_thr, nms_mode, nms_thr)
        self.format_only = format_only
        self.pred_converter = pred_converter
        self.gt_converter = gt_converter
        self.outfile_prefix = outfile_prefix
        self.backend = backend
        self.parts = _PARTS if whole_body else {}

    def extract(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Take keypoints (K, 3), score of the box, area, and annotations where none are given."""
        keypoints = predicted_keypoints(sample)
        if self.pred_converter is not None:
            keypoints = _convert(keypoints, **self.pred_converter)
        result: dict[str, Any] = dict(
            category_id=int(np.ravel(sample.get('category_id', 1))[0]),
            keypoints=keypoints,
            bbox_score=float(sample['pred_instances']['bbox_scores'][0]),
            area=float(np.prod(sample['input_scale'])),
        )
        if self.ground_truth is None and not self.format_only:
            result['annotation'] = sample['raw_ann_info']
            result['image'] = dict(id=sample['img_id'])
            if 'crowd_index' in sample:
                result['image']['crowdIndex'] = sample['crowd_index']
        return result

    def score(self, results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Rescore, remove duplicates, write the result file, evaluate."""
        rows = self.results_of_images(results)
        if self.outfile_prefix is not None:
            write_json(f'{self.outfile_prefix}.keypoints.json', rows)
        if self.format_only:
            return {}
        truth, sigmas = self._truth(results), self.dataset_meta['sigmas']
        how = self.iou_type, self.use_area, self.backend
        scores = evaluate_keypoints(truth, rows, sigmas, *how)
        start = 0
        for part, size in self.parts.items():
            chosen = slice(start, start + size)
            of_part = dict(truth, annotations=_select(truth['annotations'], chosen))
            found = evaluate_keypoints(of_part, _select(rows, chosen), sigmas[chosen], *how)
            scores |= {f'{part} {name}': value for name, value in found.items()}
            start += size
        return scores

    def results_of_images(self, results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Turn people into rows of a COCO result file, image by image, best first.

        Args:
            results: What :meth:`extract` took from each person.

        Returns:
            Rows ``{image_id, category_id, keypoints (3 K), score}``.
        """
        images = group_by_image(results).values()
        return [row for persons in images for row in self._results_of_image(persons)]

    def _results_of_image(self, persons: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Score the people of one image and drop those found twice."""
        keypoints, kept, scores = self.select(persons, self.dataset_meta['sigmas'])
        return [
            dict(
                image_id=persons[index]['img_id'],
                category_id=persons[index]['category_id'],
                keypoints=keypoints[index].ravel().tolist(),
                score=float(scores[index]),
            )
            for index in kept
        ]

    def _truth(self, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the ground truth, from its file or from the samples, in the wanted skeleton."""
        truth = self.ground_truth
        if truth is None:
            annotations = [result['annotation'] for result in results]
            images = {result['img_id']: result['image'] for result in results}
            categories = {annotation['category_id'] for annotation in annotations}
            truth = dict(
                images=list(images.values()),
                annotations=annotations,
                categories=[dict(id=category) for category in sorted(categories)],
            )
        if self.bad_images:
            truth = dict(
                truth,
                images=[i for i in truth['images'] if i['id'] not in self.bad_images],
                annotations=[
                    a for a in truth['annotations'] if a['image_id'] not in self.bad_images
                ],
            )
        if self.gt_converter is None:
            return truth
        converted = [
            dict(
                annotation,
                keypoints=_convert(
                    np.reshape(annotation['keypoints'], (-1, 3)), **self.gt_converter
                ).ravel(),
            )
            for annotation in truth['annotations']
        ]
        return dict(truth, annotations=converted)


def _select(records: Sequence[Mapping[str, Any]], chosen: slice) -> list[dict[str, Any]]:
    """Keep some keypoints of annotations or results; labels are counted anew."""
    numbers = slice(3 * chosen.start, 3 * chosen.stop)
    kept = [dict(record, keypoints=list(record['keypoints'])[numbers]) for record in records]
    for record in kept:
        record.pop('num_keypoints', None)
    return kept


@METRICS.register_module(name='CocoWholeBodyMetric')
def make_whole_body_metric(
    ann_file: str | Path | None = None, prefix: str | None = 'coco-wholebody', **kwargs: Any
) -> CocoMetric:
    """Make MMPose's metric of COCO-WholeBody: ``coco-wholebody/AP``, and scores of parts.

    Args:
        ann_file: See :class:`CocoMetric`.
        prefix: Put before the names of the scores.
        **kwargs: Arguments of :class:`CocoMetric`.
    """
    return CocoMetric(ann_file, prefix=prefix, whole_body=True, **kwargs)


def _require_areas(path: str | Path, truth: Mapping[str, Any]) -> None:
    """Refuse labels without areas before anything is predicted."""
    lacking = [a['id'] for a in truth['annotations'] if a.get('num_keypoints') and 'area' not in a]
    if lacking:
        raise DataError(
            f'{path}: labelled people must have an area for OKS, {len(lacking)} have none, such as '
            f'annotation {lacking[0]}: give areas, or set use_area=False'
        )


def _convert(
    keypoints: np.ndarray,
    num_keypoints: int,
    mapping: Sequence[tuple[int | tuple[int, int], int]],
    type: str = 'KeypointConverter',
) -> np.ndarray:
    """Move keypoints (K, 3) to another skeleton, (num_keypoints, 3); 0 without a source."""
    check_choice('type of a converter', type, ('KeypointConverter',))
    points, levels = convert_keypoints(keypoints[:, :2], keypoints[:, 2], num_keypoints, mapping)
    return np.concatenate([points, levels[:, None]], axis=1)
