"""Scores of stored predictions, without a network."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posenas.annotations import AnnotationFile, Findings, announce, read_annotations
from posenas.evaluation.functional import (
    MAX_RESULTS,
    PoseTable,
    head_distances,
    head_sizes,
    match_poses,
    mean_accuracy,
    normalised_distances,
    precision_and_recall,
    prepare_ground_truth,
    prepare_results,
    rank_matches,
    similarity_to_truth,
    tabulate,
)
from posenas.skeletons import Skeleton, get_skeleton
from posenas.utils import DataError
from posenas.utils.files import read_arrays, read_json
from posenas.utils.mat_file import read_mat

#: Scores that :func:`precision_score` returns.
PRECISIONS = ('AP', 'AP .5', 'AP .75', 'AR')

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StoredPoses:
    """Annotations and results, checked.

    Attributes:
        truth: Annotations, as ``prepare_ground_truth`` returns them.
        rows: Results ``{image_id, category_id, keypoints, score}``.
        skeleton: Keypoints of both.
        table: The same as columns.
    """

    truth: dict[str, Any]
    rows: list[dict[str, Any]]
    skeleton: Skeleton
    table: PoseTable

    @property
    def sigmas(self) -> Floats:
        """Standard deviations of the keypoints (K,)."""
        return np.array(self.skeleton.sigmas)

    def describe(self) -> list[str]:
        """Say what is compared, and in a line for each reason what does not count."""
        table = self.table
        wanted = set(table.truth_group[table.counted].tolist())
        lines = [f'{int(table.counted.sum()):,} people in {len(wanted):,} images are scored']
        left_out = {
            'people do not count: a crowd, or without labelled keypoints': int(
                (~table.counted).sum()
            ),
            'images with people have no result': len(wanted - set(table.group.tolist())),
            f'results do not count: below the {MAX_RESULTS} best of their image': (
                len(self.rows) - len(table.row)
            ),
        }
        return lines + [f'{count:,} {why}' for why, count in left_out.items() if count]


def read_stored_poses(
    annotations: str | Path,
    results: str | Path,
    skeleton: str | None = None,
    sigmas: Sequence[float] | None = None,
    use_area: bool = True,
    iou_type: str = 'keypoints',
) -> StoredPoses:
    """Read annotations and results in COCO's forms.

    Args:
        annotations: COCO keypoint file.
        results: List of ``{image_id, category_id, keypoints, score}``.
        skeleton: Name of a built-in skeleton; None takes the keypoints that the annotations name.
        sigmas: Standard deviations of the keypoints; None takes the skeleton's.
        use_area: False takes 0.53 times the box for every area.
        iou_type: 'keypoints' or 'keypoints_crowd'.

    Raises:
        DataError: A file cannot be read or is malformed; the text names file and entry.
        ConfigError: There is no such skeleton.
    """
    truth, found, file = _read_truth(annotations, skeleton, sigmas, use_area, iou_type)
    count = found.num_joints
    listed = _name_images(file, str(results))
    rows = _check(results, lambda: prepare_results(listed, truth, count))
    return StoredPoses(truth, rows, found, tabulate(truth, rows, count))


def read_truth(annotations: str | Path) -> tuple[dict[str, Any], Skeleton]:
    """Read annotations in COCO's form, checked, and the skeleton that they name.

    Raises:
        DataError: The file cannot be read or is malformed; the text names file and entry.
    """
    return _read_truth(annotations)[:2]


def _read_truth(
    annotations: str | Path,
    skeleton: str | None = None,
    sigmas: Sequence[float] | None = None,
    use_area: bool = True,
    iou_type: str = 'keypoints',
) -> tuple[dict[str, Any], Skeleton, AnnotationFile]:
    file = read_annotations(str(annotations))
    file.findings.require()
    found = _find_skeleton(file) if skeleton is None else get_skeleton(skeleton)
    if sigmas is not None:
        found = _with_sigmas(found, sigmas)
    count = found.num_joints
    raw = _require_people(file, count, iou_type)
    announce(file.path, file.findings)
    truth = _check(annotations, lambda: prepare_ground_truth(raw, count, iou_type, use_area))
    return truth, found, file


def _find_skeleton(file: AnnotationFile) -> Skeleton:
    if file.skeleton is None:
        raise DataError(
            f"{file.path} must be a COCO keypoint file with 'categories' that name keypoints, got "
            'none: give the skeleton'
        )
    return file.skeleton


def _require_people(file: AnnotationFile, num_joints: int, iou_type: str) -> dict[str, Any]:
    if not file.has_annotations:
        raise DataError(f"{file.path}: annotations must be COCO JSON with 'annotations'")
    file.check_people(num_joints)
    file.findings.require()
    return file.people_content(keep_counts=iou_type == 'keypoints_crowd')


def _name_images(file: AnnotationFile, path: str) -> object:
    """Read results; those that name their image by its file, as AlphaPose's, get its id."""
    listed = read_json(path)
    found = Findings(path)
    places = []
    for number, row in enumerate(listed if isinstance(listed, list) else ()):
        image_id = row.get('image_id') if isinstance(row, dict) else None
        known = None if type(image_id) is int else file.images.find(image_id)
        if known is not None:
            row['image_id'] = known
            places.append(f'[{number}].image_id {image_id!r:.40} is {known}')
    found.note('image named by its file', places, 'the id of that image was taken')
    announce(path, found)
    return listed


def _with_sigmas(skeleton: Skeleton, sigmas: Sequence[float]) -> Skeleton:
    if len(sigmas) != skeleton.num_joints or min(sigmas) <= 0:
        raise DataError(
            f'sigmas must be {skeleton.num_joints} positive numbers, one per keypoint of '
            f'{skeleton.name}, got {list(sigmas)}'
        )
    return replace(skeleton, sigmas=tuple(sigmas))


def _check(path: str | Path, read: Callable[[], Any]) -> Any:  # noqa: ANN401  (what read returns)
    """Name the file in front of what is wrong with its content."""
    try:
        return read()
    except DataError as error:
        raise DataError(f'{path}: {error}') from error


def match_persons(poses: StoredPoses) -> tuple[NDArray[np.int64], Floats]:
    """Find for each person the most similar result of its image that no other person took.

    Returns:
        Row of the result in the table (G,), -1 without one; and their OKS (G,), 0 without one.
    """
    table = poses.table
    matches, _ = match_poses(table, poses.sigmas, np.zeros(1))
    found = np.full(len(table.truth_group), -1, np.int64)
    matched = np.flatnonzero(matches[0] >= 0)
    found[matches[0, matched]] = matched
    result, person, similarity = similarity_to_truth(table, poses.sigmas)
    chosen = found[person] == result
    oks = np.zeros(len(found))
    oks[person[chosen]] = similarity[chosen]
    return found, oks


def precision_score(poses: StoredPoses) -> Callable[[Floats | None], Floats]:
    """Return a function from weights of the images to :data:`PRECISIONS`."""
    ranked = rank_matches(poses.table, poses.sigmas)

    def score(weights: Floats | None = None) -> Floats:
        precision, recall = precision_and_recall(ranked, weights)
        return np.array([precision.mean(), precision[0], precision[5], recall.mean()])

    return score


def pck_score(
    poses: StoredPoses, thresholds: Iterable[float]
) -> tuple[Callable[[Floats | None], Floats], Floats]:
    """Measure the share of keypoints near the truth, in units of the longer side of the box.

    Each person is compared with the most similar result of its image that no other person took; a
    person without one has no keypoint right.

    Args:
        poses: Annotations and results.
        thresholds: Largest distances of a correct keypoint.

    Returns:
        A function from weights of the images to the mean over keypoint types, one value for each
        threshold; and the distances (G, K), NaN where a keypoint is not labelled.
    """
    table = poses.table
    rows, _ = match_persons(poses)
    found = np.full((len(rows), poses.skeleton.num_joints, 2), np.inf)
    found[rows >= 0] = table.results[rows[rows >= 0], :, :2]
    labelled = (table.truth[..., 2] > 0) & table.counted[:, None]
    distances = normalised_distances(
        found, table.truth[..., :2], labelled, table.boxes[:, 2:].max(axis=1, initial=0)
    )
    limits = list(thresholds)

    def score(weights: Floats | None = None) -> Floats:
        if weights is None:
            return np.array([mean_accuracy(distances, limit) for limit in limits])
        weight = weights[table.truth_group][:, None]
        total = (weight * ~np.isnan(distances)).sum(0)
        with np.errstate(invalid='ignore'):
            return np.array(
                [np.nanmean((weight * (distances <= limit)).sum(0) / total) for limit in limits]
            )

    return score, distances


def read_mpii_distances(
    results: str | Path, ground_truth: str | Path, zero_based: bool = False
) -> Floats:
    """Measure predictions for MPII in units of the head.

    Args:
        results: ``preds`` (N, 16, 2), or with scores (N, 16, 3), in a MATLAB or ``.npz`` file.
        ground_truth: ``mpii_gt_val.mat``.
        zero_based: Whether the pixels of ``results`` are counted from 0; MPII counts from 1.

    Returns:
        (N, 16), NaN where a keypoint is missing.

    Raises:
        DataError: A file cannot be read, or the numbers of people differ.
    """
    truth = read_mat(ground_truth, ('pos_gt_src', 'jnt_missing', 'headboxes_src'))
    keypoints = np.asarray(truth['pos_gt_src'], np.float64).transpose(2, 0, 1)  # (N, 16, 2)
    visible = np.asarray(truth['jnt_missing']).T == 0
    boxes = np.asarray(truth['headboxes_src'], np.float64).transpose(2, 0, 1)
    predictions = _read_predictions(results) + zero_based
    if predictions.shape != keypoints.shape:
        raise DataError(
            f'{results}: preds must have the shape {keypoints.shape} of the people of '
            f'{ground_truth}, got {predictions.shape}'
        )
    return head_distances(predictions, keypoints, visible, head_sizes(boxes))


def _read_predictions(path: str | Path) -> Floats:
    """Return ``preds`` (N, 16, 2)."""
    is_mat = str(path).endswith('.mat')
    found = read_mat(path, ('preds',), True) if is_mat else read_arrays(path, ('preds',))
    try:
        return np.asarray(found['preds'], np.float64)[..., :2]
    except (ValueError, IndexError, TypeError) as error:
        raise DataError(f'{path}: preds must be numbers (N, 16, 2), got: {error}') from error
