"""A page about a test: scores, curves, kinds of errors, best and worst people, latency."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from posenas.evaluation import PeopleCollector
from posenas.evaluation.functional import (
    ERROR_KINDS,
    bbox_size,
    classify_errors,
    normalised_distances,
    tabulate,
)
from posenas.skeletons import Skeleton
from posenas.utils import DataError, write_text
from posenas.visualization import Case, draw_gallery, make_report_page

if TYPE_CHECKING:
    from posenas.engine.runner import PoseRunner

Floats = NDArray[np.floating]

#: Distance up to which curves are drawn, and at which keypoints count as right; of the box.
_LIMIT, _RIGHT = 0.2, 0.1
#: People in a gallery.
_NUM_CASES = 8


def report_test(
    runner: 'PoseRunner', path: str | Path, config: str, checkpoint: str
) -> tuple[dict[str, float], str]:
    """Run the test of a runner and write a page about it.

    Args:
        runner: What tests.
        path: File to write.
        config: What was tested, as shown.
        checkpoint: Likewise.

    Returns:
        The scores, and the path of the page; empty in processes that write none.

    Raises:
        DataError: There are no people with labels.
    """
    loop, collector = runner.build_test_loop(runner._test_loop), PeopleCollector()
    runner._test_loop = loop
    collector.dataset_meta = meta = loop.dataloader.dataset.metainfo
    loop.evaluator.metrics.append(collector)
    start = time.perf_counter()
    scores = runner.test()
    seconds = time.perf_counter() - start
    if runner.rank:
        return scores, ''
    people = collector.people
    facts = {
        'config': Path(config).stem,
        'checkpoint': Path(checkpoint).name,
        'people': str(len(people)),
        'parameters': f'{sum(p.numel() for p in runner.model.parameters()) / 1e6:.2f} M',
        'time of the test': f'{seconds:.1f} s, {1e3 * seconds / max(len(people), 1):.2f} ms per '
        'person with reading and decoding',
    }
    skeleton = Skeleton.from_metainfo(meta)
    write_test_report(path, people, scores, skeleton, f'Test of {Path(config).stem}', facts)
    return scores, str(path)


def write_test_report(
    path: str | Path,
    people: Sequence[Mapping[str, Any]],
    scores: Mapping[str, float],
    skeleton: Skeleton,
    title: str,
    facts: Mapping[str, str],
) -> None:
    """Write the page.

    Args:
        path: File to write, one HTML file that loads nothing.
        people: What :class:`PeopleCollector` kept.
        scores: Scores of the test.
        skeleton: Keypoints and limbs.
        title: Heading.
        facts: What was tested, as shown.

    Raises:
        DataError: There are no people with labels.
    """
    if not any(np.any(person['labelled']) for person in people):
        raise DataError('a report needs people with labelled keypoints, the test has none')
    truth, found, labelled, boxes, confidence = (
        np.stack([person[name] for person in people]).astype(np.float64)
        for name in ('keypoints', 'prediction', 'labelled', 'bbox', 'scores')
    )
    is_labelled = labelled > 0
    distances = normalised_distances(found, truth, is_labelled, bbox_size(boxes))
    kinds = _count_kinds(people, truth, found, is_labelled, boxes, confidence, skeleton)
    rows, curves = [], {'all': _curve(distances)}
    for joint, name in enumerate(skeleton.joint_names):
        known = distances[is_labelled[:, joint], joint]
        curves[name] = _curve(known)
        rows.append(
            {
                'keypoint': name,
                'labelled': len(known),
                f'PCK@{_RIGHT:g}': f'{100 * np.mean(known <= _RIGHT):.1f}' if len(known) else '',
                'median distance': f'{np.median(known):.3f}' if len(known) else '',
                'mean score': f'{confidence[:, joint].mean():.3f}',
                'kinds': kinds[joint],
            }
        )
    galleries = _draw_galleries(people, distances, truth, found, is_labelled, confidence, skeleton)
    page = make_report_page(title, facts, scores, rows, curves, _LIMIT, ERROR_KINDS, galleries)
    write_text(path, page)


def _curve(distances: Floats) -> list[float]:
    """Return the share within 41 distances from 0 to the limit; NaN does not count."""
    known = np.sort(distances[~np.isnan(distances)])
    steps = np.linspace(0, _LIMIT, 41)
    return list(np.searchsorted(known, steps, side='right') / max(len(known), 1))


def _count_kinds(
    people: Sequence[Mapping[str, Any]],
    truth: Floats,
    found: Floats,
    labelled: Floats,
    boxes: Floats,
    confidence: Floats,
    skeleton: Skeleton,
) -> NDArray[np.int64]:
    """Count the kinds of each keypoint (K, kinds), people of one image against each other."""
    numbers = {name: n for n, name in enumerate(dict.fromkeys(p['img_path'] for p in people))}
    images = [numbers[person['img_path']] for person in people]
    sizes = boxes[:, 2:] - boxes[:, :2]
    marked = np.concatenate([truth, 2.0 * labelled[..., None]], axis=2)
    seen = np.concatenate([found, confidence[..., None]], axis=2)
    shared = dict(category_id=1, iscrowd=0)
    annotations = [
        dict(
            shared,
            image_id=images[row],
            keypoints=marked[row].ravel(),
            num_keypoints=int(labelled[row].sum()),
            area=float(sizes[row].prod()),
            bbox=[*boxes[row, :2], *sizes[row]],
        )
        for row in range(len(people))
    ]
    content = dict(
        categories=[dict(id=1)],
        images=[dict(id=number) for number in numbers.values()],
        annotations=annotations,
    )
    results = [
        dict(image_id=i, category_id=1, keypoints=pose.ravel(), score=float(pose[:, 2].mean()))
        for i, pose in zip(images, seen, strict=True)
    ]
    table = tabulate(content, results, skeleton.num_joints)
    flips = np.array(skeleton.flip_indices)
    return classify_errors(table, np.array(skeleton.sigmas), flips).count()


def _draw_galleries(
    people: Sequence[Mapping[str, Any]],
    distances: Floats,
    truth: Floats,
    found: Floats,
    labelled: Floats,
    confidence: Floats,
    skeleton: Skeleton,
) -> dict[str, NDArray[np.uint8]]:
    """Draw the people whose keypoints are nearest to their labels, and farthest."""
    counted = np.flatnonzero(labelled.any(axis=1))
    means = np.array([np.nanmean(distances[row]) for row in counted])
    order = counted[np.argsort(means, kind='stable')]
    galleries = {}
    for heading, rows in (
        ('Worst people', order[::-1][:_NUM_CASES]),
        ('Best people', order[:_NUM_CASES]),
    ):
        cases = []
        for row in rows:
            image = cv2.imread(people[row]['img_path'])
            if image is None:  # frames of videos have no file of their own
                continue
            cases.append(
                Case(
                    image[..., ::-1],
                    np.concatenate([truth[row], 2.0 * labelled[row, :, None]], axis=1),
                    np.concatenate([found[row], confidence[row, :, None]], axis=1),
                    f'{Path(people[row]["img_path"]).name}: {np.nanmean(distances[row]):.3f}',
                )
            )
        if cases:
            galleries[f'{heading}: label, result, mean distance'] = draw_gallery(cases, skeleton)
    return galleries
