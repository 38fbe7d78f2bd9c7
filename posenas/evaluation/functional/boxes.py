"""Average precision of boxes by the rules of COCO, and errors at one threshold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from posenas.evaluation.functional.coco_api import check_rows, prepare_ground_truth
from posenas.geometry import bbox_iou, bbox_xywh2xyxy

BOX_STATISTICS = ('AP', 'AP .5', 'AP .75', 'AP (S)', 'AP (M)', 'AP (L)', 'AR 1', 'AR 10', 'AR 100')


def evaluate_boxes(
    ground_truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Compute average precision and recall of boxes; neither input is modified.

    Args:
        ground_truth: Annotations in the COCO format; ``iscrowd`` marks regions that are ignored.
        results: Rows ``{image_id, category_id, bbox (left, top, width, height), score}``.

    Returns:
        :data:`BOX_STATISTICS`. All are 0 without results, and one whose size class has no person
        is -1.

    Raises:
        DataError: The ground truth cannot be evaluated, or a result has the wrong form, a value
            that is not finite, or an unknown image or category.
    """
    unread = ('keypoints', 'num_keypoints')
    plain = [
        {key: value for key, value in annotation.items() if key not in unread}
        for annotation in ground_truth['annotations']
    ]
    prepared = prepare_ground_truth(dict(ground_truth, annotations=plain), 0, 'bbox')
    rows = check_rows(results, prepared, 'bbox', 4)
    if not rows:
        return dict.fromkeys(BOX_STATISTICS, 0.0)
    truth = COCO(prepared)
    evaluator = COCOeval_faster(truth, truth.loadRes(rows), 'bbox')
    evaluator.run()
    return dict(zip(BOX_STATISTICS, map(float, evaluator.stats), strict=False))


def recall_and_false_boxes(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    score_thr: float,
    iou_thr: float = 0.5,
) -> tuple[float, float]:
    """Count the people found and the boxes without a person, at one threshold of the score.

    Boxes are matched best first, each with the free person that it overlaps most. A box that lies
    in a crowd to more than ``iou_thr`` of its area, and matches nobody, is neither right nor false.

    Args:
        ground_truth: Annotations in the COCO format.
        results: As for :func:`evaluate_boxes`.
        score_thr: Boxes count from this score on.
        iou_thr: Least intersection over union of a match.

    Returns:
        Share of the people (no crowds) that are found, 0 if there are none, and false boxes per
        image.
    """
    people: dict[Any, list[Mapping[str, Any]]] = {i['id']: [] for i in ground_truth['images']}
    for annotation in ground_truth['annotations']:
        people[annotation['image_id']].append(annotation)
    boxes: dict[Any, list[Mapping[str, Any]]] = {image: [] for image in people}
    for row in results:
        if row['score'] >= score_thr:
            boxes[row['image_id']].append(row)
    found = false = total = 0
    for image, annotations in people.items():
        truth = _corners(annotations)
        is_crowd = np.array([bool(a.get('iscrowd', 0)) for a in annotations], bool)
        ranked = sorted(boxes[image], key=lambda row: -row['score'])
        matched, wrong = _match(_corners(ranked), truth, is_crowd, iou_thr)
        found, false, total = found + matched, false + wrong, total + int((~is_crowd).sum())
    return found / max(total, 1), false / max(len(people), 1)


def _corners(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the corners (N, 4) of COCO's boxes."""
    return bbox_xywh2xyxy(np.array([row['bbox'] for row in rows], np.float64).reshape(-1, 4))


def _match(
    boxes: np.ndarray, truth: np.ndarray, is_crowd: np.ndarray, iou_thr: float
) -> tuple[int, int]:
    """Match ranked boxes (N, 4) with people (M, 4); return the numbers of found and of false."""
    overlaps = bbox_iou(boxes, truth[~is_crowd])  # (N, M)
    low = np.maximum(boxes[:, None, :2], truth[is_crowd][None, :, :2])
    high = np.minimum(boxes[:, None, 2:], truth[is_crowd][None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=-1)  # (N, crowds)
    areas = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)
    in_crowd = inside.max(axis=1, initial=0) / areas > iou_thr
    found = false = 0
    for row in range(len(boxes)):
        best = int(overlaps[row].argmax()) if overlaps.shape[1] else -1
        if best >= 0 and overlaps[row, best] >= iou_thr:
            overlaps[:, best] = 0  # the person is taken
            found += 1
        elif not in_crowd[row]:
            false += 1
    return found, false
