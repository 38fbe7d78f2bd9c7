"""COCO and CrowdPose keypoint evaluation: guards around the evaluation back ends.

The back ends agree to the last bit on clean input and differ, some silently, on everything else
(missing ``num_keypoints``, ``area`` or ``iscrowd``, annotation id 0, empty results). The guards
turn every such input into the one form on which they agree, in copies, or raise.
"""

import json
import logging
import tempfile
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from mmengine.logging import print_log

from posenas.utils.checks import check_choice
from posenas.utils.errors import DataError
from posenas.utils.optional import import_optional

#: Names of the statistics of each kind of evaluation, in the order of the back ends.
STATISTICS = {
    'keypoints': (
        *('AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)'),
        *('AR', 'AR .5', 'AR .75', 'AR (M)', 'AR (L)'),
    ),
    'keypoints_crowd': (
        *('AP', 'AP .5', 'AP .75', 'AR', 'AR .5', 'AR .75'),
        *('AP(E)', 'AP(M)', 'AP(H)'),
    ),
}
BACKENDS = ('faster_coco_eval', 'xtcocotools')
#: Mean share of its box that a person's silhouette fills, used where an area is unknown.
AREA_PER_BOX = 0.53


def evaluate_keypoints(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    sigmas: Sequence[float],
    iou_type: str = 'keypoints',
    use_area: bool = True,
    backend: str = 'faster_coco_eval',
) -> dict[str, float]:
    """Compute average precision and recall of poses; neither input is modified.

    Args:
        ground_truth: Annotations in the COCO keypoint format, as :func:`prepare_ground_truth`
            takes them; prepared ones are accepted.
        results: Rows ``{image_id, category_id, keypoints (3 K: x, y, confidence), score}``. Other
            keys are ignored, so size classes see the extent of the keypoints, never a box.
        sigmas: (K,) standard deviations of the keypoints, as for OKS.
        iou_type: One of :data:`STATISTICS`; 'keypoints_crowd' needs ``crowdIndex`` in the images.
        use_area: False replaces all areas by 0.53 times that of the box, as for CrowdPose.
        backend: One of :data:`BACKENDS`. xtcocotools, which needs an environment of its own,
            counts labelled keypoints itself and drops results whose confidences are all 0.

    Returns:
        The statistics by MMPose's names. All are 0 without results; one of 'keypoints' whose size
        class has no person is -1, one of 'keypoints_crowd' whose split has none is NaN.

    Raises:
        DataError: The ground truth cannot be evaluated, or a result has a score or keypoint that
            is not finite, the wrong number of values, or an unknown image or category.
    """
    check_choice('iou_type', iou_type, STATISTICS)
    check_choice('backend', backend, BACKENDS)
    names = STATISTICS[iou_type]
    prepared = prepare_ground_truth(ground_truth, len(sigmas), iou_type, use_area)
    rows = prepare_results(results, prepared, len(sigmas))
    if not rows:
        return dict.fromkeys(names, 0.0)
    run = _run_faster_coco_eval if backend == 'faster_coco_eval' else _run_xtcocotools
    stats = dict(zip(names, run(prepared, rows, sigmas, iou_type), strict=True))
    if iou_type == 'keypoints_crowd':
        stats = {name: float('nan') if value == -1 else value for name, value in stats.items()}
    return stats


def prepare_ground_truth(
    ground_truth: Mapping[str, Any], num_keypoints: int, iou_type: str, use_area: bool = True
) -> dict[str, Any]:
    """Copy annotations into the form on which all back ends agree.

    Annotations are numbered from 1; a missing ``iscrowd`` becomes 0, missing ``keypoints`` become
    unlabelled ones, a missing ``num_keypoints`` is counted; areas follow ``use_area``.

    Raises:
        DataError: A part of the file is missing, keypoints, a box or an area have the wrong
            length or are not finite, an area is missing although ``use_area``, an annotation names
            an unknown image, or ``crowdIndex`` is missing.
    """
    _check_lists(ground_truth)
    images = [dict(image) for image in ground_truth['images']]
    if iou_type == 'keypoints_crowd':
        lacking = [image['id'] for image in images if 'crowdIndex' not in image]
        if lacking:
            raise DataError(
                "'keypoints_crowd' needs crowdIndex in every image, missing in image ids "
                f"{_some(lacking)}: use CrowdPose annotations or iou_type='keypoints'"
            )
    known = {image['id'] for image in images}
    annotations, contradicting, points = [], [], []
    for number, source in enumerate(ground_truth['annotations'], start=1):
        if source.get('image_id') not in known:
            raise DataError(
                f'annotation {source.get("id")} must belong to an image of the file, '
                f'got image_id {source.get("image_id")!r}: remove it or add the image'
            )
        annotation, counted = _prepare_annotation(source, num_keypoints, use_area)
        if annotation['num_keypoints'] != counted:
            contradicting.append(source.get('id'))
        if counted and annotation['area'] == 0:
            points.append(source.get('id'))
        annotations.append(dict(annotation, id=number))
    if contradicting and iou_type == 'keypoints':
        print_log(
            f'num_keypoints contradicts the visibilities of {len(contradicting)} annotations '
            f'(ids {_some(contradicting)}); the field decides which people count',
            logger='current',
            level=logging.WARNING,
        )
    if points:
        print_log(
            f'area is 0 for {len(points)} people with labels (ids {_some(points)}): OKS treats '
            'them as points, so only exact keypoints count; give areas, or evaluate with '
            'use_area=False (posenas eval --no-area)',
            logger='current',
            level=logging.WARNING,
        )
    categories = [dict(category) for category in ground_truth['categories']]
    return dict(images=images, annotations=annotations, categories=categories, info={})


def _check_lists(ground_truth: Mapping[str, Any]) -> None:
    """Require lists of images, annotations and categories whose entries name what they must."""
    needed = {'images': ('id',), 'annotations': ('image_id', 'bbox'), 'categories': ('id',)}
    for part, keys in needed.items():
        if not isinstance(ground_truth, Mapping) or part not in ground_truth:
            found = _some(ground_truth) if isinstance(ground_truth, Mapping) else ground_truth
            raise DataError(f'annotations must be COCO JSON with {part!r}, got {found!r:.200}')
        _check_entries(part, ground_truth[part], keys)


def _check_entries(part: str, entries: object, keys: Sequence[str]) -> None:
    """Require a list of mappings with ``keys``; ids are numbers or text."""
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise DataError(f'{part} must be a list, got {type(entries).__name__}')
    for index, entry in enumerate(entries):
        if not isinstance(entry, Mapping):
            raise DataError(f'{part}[{index}] must be an object, got {entry!r:.200}')
        for key in keys:
            if key not in entry:
                raise DataError(f'{part}[{index}] must have {key!r}, got only {_some(entry)}')
        for key in ('id', 'image_id', 'category_id'):
            if not isinstance(entry.get(key, 0), int | str):
                raise DataError(
                    f'{part}[{index}].{key} must be a number or text, got {entry[key]!r:.200}'
                )


def _prepare_annotation(
    source: Mapping[str, Any], num_keypoints: int, use_area: bool
) -> tuple[dict[str, Any], int]:
    """Copy what an evaluation reads and count the labelled keypoints."""
    keypoints = source.get('keypoints', ())
    if hasattr(keypoints, '__len__') and not len(keypoints):
        keypoints = [0] * 3 * num_keypoints
    where = f'annotation {source.get("id")} of image {source["image_id"]}'
    _check_values(where, keypoints, 3 * num_keypoints, 'x, y, v per keypoint of the skeleton')
    _check_values(f'bbox of {where}', source.get('bbox', ()), 4, 'left, top, width, height')
    counted = sum(visibility > 0 for visibility in keypoints[2::3])
    if use_area and 'area' not in source and counted:
        raise DataError(
            f'{where} must have an area: give it, or evaluate with use_area=False (posenas eval '
            '--no-area)'
        )
    width, height = source['bbox'][2:]
    is_stated = use_area and 'area' in source
    area = source['area'] if is_stated else AREA_PER_BOX * width * height
    _check_values(f'area of {where}', [area], 1, 'square pixels')
    _check_values(f'iscrowd of {where}', [source.get('iscrowd', 0)], 1, '0 or 1')
    _check_values(f'num_keypoints of {where}', [source.get('num_keypoints', 0)], 1, 'a count')
    if area < 0 or width < 0 or height < 0:
        raise DataError(
            f'area and size of the bbox of {where} must not be negative, got {area} and '
            f'{width} x {height}'
        )
    annotation = dict(
        image_id=source['image_id'],
        category_id=source.get('category_id', 1),
        bbox=list(source['bbox']),
        area=area,
        iscrowd=int(source.get('iscrowd', 0)),
        keypoints=list(keypoints),
        num_keypoints=source.get('num_keypoints', counted),
    )
    return annotation, counted


def prepare_results(
    results: Sequence[Mapping[str, Any]], ground_truth: Mapping[str, Any], num_keypoints: int
) -> list[dict[str, Any]]:
    """Copy the four fields that are evaluated, checking each row.

    Args:
        results: Rows ``{image_id, category_id, keypoints (3 K), score}``.
        ground_truth: What :func:`prepare_ground_truth` returned.
        num_keypoints: K.

    Raises:
        DataError: A row has the wrong form, a value that is not finite, or an unknown image or
            category.
    """
    return check_rows(results, ground_truth, 'keypoints', 3 * num_keypoints)


def check_rows(
    results: Sequence[Mapping[str, Any]], ground_truth: Mapping[str, Any], key: str, length: int
) -> list[dict[str, Any]]:
    """Copy image, category, score and the ``length`` numbers of ``key``, checking each row.

    Raises:
        DataError: As for :func:`prepare_results`.
    """
    meaning = {'keypoints': 'x, y, confidence per joint', 'bbox': 'left, top, width, height'}[key]
    images = {image['id'] for image in ground_truth['images']}
    categories = {category['id'] for category in ground_truth['categories']}
    _check_entries('results', results, ('image_id', 'category_id', key, 'score'))
    rows = []
    for index, row in enumerate(results):
        where = f'result {index} (image {row["image_id"]})'
        if row['image_id'] not in images or row['category_id'] not in categories:
            raise DataError(
                f'{where} must name an image and a category of the annotations, got category '
                f'{row["category_id"]!r}: evaluate with the file the results were made for'
            )
        _check_values(where, row[key], length, meaning)
        _check_values(f'score of {where}', [row['score']], 1, 'a number')
        rows.append(
            {
                'image_id': row['image_id'],
                'category_id': row['category_id'],
                key: list(row[key]),
                'score': row['score'],
            }
        )
    return rows


def _check_values(where: str, values: Sequence[float], length: int, meaning: str) -> None:
    """Require ``length`` finite numbers.

    Raises:
        DataError: The length differs, or a value is no number, NaN or infinite.
    """
    if isinstance(values, str | Mapping) or not hasattr(values, '__len__'):
        raise DataError(f'{where} must be a list of numbers, {meaning}, got {values!r:.200}')
    if len(values) != length:
        raise DataError(f'{where} must hold {length} values, {meaning}, got {len(values)}')
    try:
        array = np.asarray(values)
        is_finite = array.dtype.kind in 'biuf' and array.ndim == 1 and np.isfinite(array).all()
    except ValueError:  # lists of different lengths
        is_finite = False
    if not is_finite:
        raise DataError(f'{where} must hold finite numbers, got {list(values)!r:.200}')


def _run_faster_coco_eval(
    ground_truth: dict[str, Any],
    rows: list[dict[str, Any]],
    sigmas: Sequence[float],
    iou_type: str,
) -> list[float]:
    """Evaluate prepared input with faster-coco-eval."""
    truth = COCO(ground_truth)
    evaluator = COCOeval_faster(
        truth, truth.loadRes(rows), iou_type, kpt_oks_sigmas=list(sigmas), use_area=True
    )
    with np.errstate(over='ignore'):  # absurd coordinates are infinitely far
        evaluator.run()
    return [float(value) for value in evaluator.stats]


def _run_xtcocotools(
    ground_truth: dict[str, Any],
    rows: list[dict[str, Any]],
    sigmas: Sequence[float],
    iou_type: str,
) -> list[float]:
    """Evaluate prepared input with xtcocotools, which reads crowd splits from a file."""
    coco = import_optional('xtcocotools.coco', 'xtcocotools')
    cocoeval = import_optional('xtcocotools.cocoeval', 'xtcocotools')
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'ground_truth.json')
        path.write_text(json.dumps(ground_truth))
        truth = coco.COCO(str(path))
        evaluator = cocoeval.COCOeval(
            truth, truth.loadRes(rows), iou_type, np.array(sigmas), use_area=True
        )
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return [float(value) for value in evaluator.stats]


def _some(ids: Collection[object]) -> str:
    """List the first few ids."""
    return ', '.join(map(str, islice(ids, 5))) + (', ...' if len(ids) > 5 else '')
