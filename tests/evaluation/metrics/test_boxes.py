"""Box AP by COCO's rules, and errors at one threshold counted by hand."""

import json

import numpy as np
import pytest

from posenas.evaluation import CocoBoxMetric
from posenas.evaluation.functional import evaluate_boxes, recall_and_false_boxes

#: Left, top, width, height and crowd flag of the people of each image.
TRUTH = {1: [((10, 10, 50, 100), 0), ((200, 20, 60, 80), 0)], 2: [((0, 0, 300, 300), 1)], 3: []}


def make_truth():
    boxes = [(image, box, crowd) for image, rows in TRUTH.items() for box, crowd in rows]
    return dict(
        images=[dict(id=i, file_name=f'{i}.jpg', width=400, height=400) for i in TRUTH],
        categories=[dict(id=1, name='person')],
        annotations=[
            dict(id=n, image_id=image, category_id=1, bbox=list(box), area=box[2] * box[3],
                 iscrowd=crowd, keypoints=[0] * 51, num_keypoints=0)
            for n, (image, box, crowd) in enumerate(boxes, start=1)
        ],
    )  # fmt: skip


def row(image, box, score):
    return dict(image_id=image, category_id=1, bbox=list(box), score=score)


PERFECT = [row(1, box, 0.9) for box, _ in TRUTH[1]]


def test_perfect_boxes_have_precision_one_and_none_zero():
    assert evaluate_boxes(make_truth(), PERFECT)['AP'] == pytest.approx(1)
    assert evaluate_boxes(make_truth(), []) == dict.fromkeys(evaluate_boxes(make_truth(), []), 0)


def test_boxes_in_a_crowd_cost_nothing_and_others_do():
    inside, outside = row(2, (50, 50, 40, 80), 0.95), row(3, (50, 50, 40, 80), 0.95)
    assert evaluate_boxes(make_truth(), [*PERFECT, inside])['AP'] == pytest.approx(1)
    assert evaluate_boxes(make_truth(), [*PERFECT, outside])['AP'] < 0.7
    assert recall_and_false_boxes(make_truth(), [*PERFECT, inside], 0.5) == (1, 0)
    assert recall_and_false_boxes(make_truth(), [*PERFECT, outside], 0.5) == (
        1,
        pytest.approx(1 / 3),
    )


def test_a_person_is_found_once_and_at_the_threshold():
    again, shifted = row(1, (12, 10, 50, 100), 0.4), row(1, (40, 10, 50, 100), 0.3)
    results = [PERFECT[0], again, shifted]
    assert recall_and_false_boxes(make_truth(), results, 0.5) == (0.5, 0)
    assert recall_and_false_boxes(make_truth(), results, 0.4) == (0.5, pytest.approx(1 / 3))
    assert recall_and_false_boxes(make_truth(), results, 0.3) == (0.5, pytest.approx(2 / 3))
    assert recall_and_false_boxes(make_truth(), results, 0.95) == (0, 0)


def sample(image, rows):
    corners = [[x, y, x + w, y + h] for (x, y, w, h), _ in rows]
    found = dict(
        bboxes=np.array(corners, np.float32).reshape(-1, 4),
        bbox_scores=np.array([score for _, score in rows], np.float32),
    )
    return dict(id=image, img_id=image, pred_instances=found)


def test_the_metric_chooses_the_least_threshold_with_few_false_boxes(tmp_path):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(make_truth()))
    noise = [((100 + 5 * i, 250, 20, 20), 0.2 + 0.1 * i) for i in range(6)]
    samples = [sample(1, [(box, 0.9) for box, _ in TRUTH[1]]), sample(2, []), sample(3, noise)]
    metric = CocoBoxMetric(str(path), max_false_per_image=1, outfile_prefix=str(tmp_path / 'out'))
    metric.process(None, samples)
    scores = metric.evaluate(3)
    assert scores['bbox/recall'] == 1
    assert scores['bbox/false per image'] == pytest.approx(1)
    assert scores['bbox/threshold'] == pytest.approx(0.41)
    assert len(json.loads((tmp_path / 'out.bbox.json').read_text())) == 8
    fixed = CocoBoxMetric(str(path), score_thr=0.65)
    fixed.process(None, samples[:1] + samples[2:])
    assert fixed.evaluate(3) == pytest.approx(
        scores | {'bbox/false per image': 0.5, 'bbox/threshold': 0.65, 'bbox/excluded': 1}
    )


def test_where_no_threshold_leaves_few_enough_false_boxes_the_highest_is_taken(tmp_path):
    path = tmp_path / 'people.json'
    path.write_text(json.dumps(make_truth()))
    metric = CocoBoxMetric(str(path), max_false_per_image=0)
    metric.process(None, [sample(3, [((100, 250, 20, 20), 1.0)])])
    assert metric.evaluate(1)['bbox/threshold'] == 1


def test_of_several_people_the_share_is_found():
    two = [row(1, box, 0.9) for box, _ in TRUTH[1]]
    assert recall_and_false_boxes(make_truth(), two, 0.5) == (1, 0)
    assert recall_and_false_boxes(make_truth(), two[:1], 0.5) == (0.5, 0)
