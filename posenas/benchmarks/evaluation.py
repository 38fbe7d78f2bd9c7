"""What scoring costs at the size of COCO's validation set with detected boxes."""

import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posenas.evaluation import read_truth
from posenas.evaluation.functional import (
    evaluate_keypoints,
    prepare_ground_truth,
    prepare_results,
)
from posenas.evaluation.metrics import CocoMetric
from posenas.skeletons import Skeleton
from posenas.utils import DataError, write_json
from posenas.utils.randomness import Stream, make_generator

#: Deviation of drawn keypoints, as a share of the root of the person's area.
_NOISE = 0.04
#: Share of the results that lie anywhere instead of on a person.
_FALSE_SHARE = 0.8


@dataclass(frozen=True)
class EvaluationCost:
    """Seconds of processor time, by stage, and memory.

    Attributes:
        suppression: Rescoring and OKS-NMS of all images.
        checks: Checks and copies of annotations and results.
        evaluator: The bare back end on what was checked, which is the lower bound.
        memory_mb: Largest memory of the process so far, MiB.
        scores: What the evaluation returned.
        num_results: Results that were left to evaluate.
        num_drawn: Results before.
        num_images: Images, with and without people.
    """

    suppression: float
    checks: float
    evaluator: float
    memory_mb: float
    scores: dict[str, float]
    num_results: int
    num_drawn: int
    num_images: int

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return self.suppression + self.checks + self.evaluator


def add_empty_images(ground_truth: Mapping[str, Any], num_images: int) -> dict[str, Any]:
    """Add images without people, with ids above those of the file."""
    first = 1 + max((int(image['id']) for image in ground_truth['images']), default=0)
    empty = [dict(id=first + i) for i in range(num_images)]
    return dict(ground_truth, images=[*ground_truth['images'], *empty])


def draw_results(
    ground_truth: Mapping[str, Any], num_results: int, num_joints: int, seed: int = 0
) -> list[dict[str, Any]]:
    """Draw what a network would find in detected boxes, as a metric keeps it.

    A fifth of the results are annotated people with noise, so every person is found, some several
    times; the others lie anywhere in any image, with low scores.

    Args:
        ground_truth: Annotations in COCO layout.
        num_results: Results to draw.
        num_joints: K.
        seed: Seed of the noise.

    Returns:
        ``dict(id, img_id, category_id, keypoints (K, 3), bbox_score, area)`` for each result.
    """
    rng = make_generator(Stream.MEASURED_RESULTS, seed)
    persons = [a for a in ground_truth['annotations'] if any(a.get('keypoints', ()))]
    images = [image['id'] for image in ground_truth['images']]
    num_true = round(num_results * (1 - _FALSE_SHARE))
    results = []
    for number in range(num_results):
        confidences = rng.uniform(0.2, 1, num_joints)
        if number < num_true and persons:
            person = persons[number % len(persons)]
            image, area = person['image_id'], float(np.prod(person['bbox'][2:]))
            joints = np.reshape(person['keypoints'], (-1, 3))[:, :2]
            joints = joints + rng.normal(0, _NOISE * np.sqrt(area), joints.shape)
            score = rng.uniform(0.3, 1)
        else:
            image, area = images[rng.integers(len(images))], 120.0 * 90.0
            joints = rng.uniform(50, 400, 2) + rng.normal(0, 40, (num_joints, 2))
            score = rng.uniform(0, 0.3)
        keypoints = np.column_stack([joints, confidences]).astype(np.float32)
        results.append(
            dict(
                id=number,
                img_id=image,
                category_id=1,
                keypoints=keypoints,
                bbox_score=float(score),
                area=1.5 * area,
            )
        )
    return results


def measure_evaluation(
    ground_truth: Mapping[str, Any], results: list[dict[str, Any]], skeleton: Skeleton
) -> EvaluationCost:
    """Score random results once and time the stages.

    Args:
        ground_truth: Annotations in COCO layout.
        results: From :func:`draw_results`.
        skeleton: Keypoints of both.
    """
    metric = CocoMetric()
    metric.dataset_meta = skeleton.metainfo()
    count, sigmas = skeleton.num_joints, skeleton.sigmas
    start = time.process_time()
    rows = metric.results_of_images(results)
    suppressed = time.process_time()
    prepared = prepare_ground_truth(ground_truth, count, 'keypoints')
    checked = prepare_results(rows, prepared, count)
    middle = time.process_time()
    scores = evaluate_keypoints(prepared, checked, sigmas)
    end = time.process_time()
    checks = middle - suppressed
    return EvaluationCost(
        suppression=suppressed - start,
        checks=checks,
        evaluator=end - middle - checks,  # it repeats the checks
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        scores=scores,
        num_results=len(rows),
        num_drawn=len(results),
        num_images=len(ground_truth['images']),
    )


def benchmark_evaluation(
    annotations: str | Path,
    num_results: int = 104125,
    num_empty_images: int = 2654,
    seed: int = 0,
    out: str | Path | None = None,
) -> EvaluationCost:
    """Time scoring as many results as detected boxes give on COCO val2017, by default.

    Args:
        annotations: COCO keypoint file.
        num_results: Results to draw.
        num_empty_images: Images without people to add.
        seed: Seed of the results.
        out: Folder that gets ``ground_truth.json`` and ``results.json``, for other evaluators.

    Raises:
        DataError: The file cannot be read, is malformed or has no images.
    """
    truth, skeleton = read_truth(annotations)
    if not truth['images']:
        raise DataError(f'{annotations} must have images, got none')
    truth = add_empty_images(truth, num_empty_images)
    results = draw_results(truth, num_results, skeleton.num_joints, seed)
    cost = measure_evaluation(truth, results, skeleton)
    if out is not None:
        metric = CocoMetric()
        metric.dataset_meta = skeleton.metainfo()
        write_json(Path(out, 'ground_truth.json'), truth)
        write_json(Path(out, 'results.json'), metric.results_of_images(results))
    return cost
