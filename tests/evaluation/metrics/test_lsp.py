import json

import numpy as np
import pytest
from evaluation.metrics.samples import make_sample

from posenas.evaluation import LspPCKMetric
from posenas.evaluation.functional import mean_pose, place_pose
from posenas.skeletons import COCO, LSP
from posenas.utils import DataError

HEAD = ('neck', 'head_top')


def write_labels(path, keypoints):
    """Write one annotation per image, in a box of 100 x 50 pixels."""
    annotations = [
        dict(id=i, image_id=i, bbox=[0, 0, 100, 50], keypoints=k.ravel().tolist())
        for i, k in enumerate(keypoints)
    ]
    category = dict(id=1, keypoints=list(LSP.joint_names))
    images = [dict(id=i, file_name=f'{i}.jpg') for i in range(len(keypoints))]
    data = dict(images=images, annotations=annotations, categories=[category])
    path.write_text(json.dumps(data))
    return path


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(0, 100, (4, 14, 2)), np.full((4, 14, 1), 2.0)], axis=2)


def evaluate(path, predictions, skeleton=LSP):
    metric = LspPCKMetric(path)
    metric.dataset_meta = skeleton.metainfo()
    # the boxes of the samples play no part
    metric.process(
        None, [make_sample(i, i, k, bbox=(0, 0, 1, 1)) for i, k in enumerate(predictions)]
    )
    return metric.evaluate(len(predictions))


@pytest.mark.parametrize(
    ('distance', 'expected'),
    [(0, (100, 100, 100)), (7, (100, 0, 100)), (9.9, (100, 0, 100)), (10.1, (0, 0, 0))],
)
def test_distances_are_in_units_of_the_label_box(tmp_path, labels, distance, expected):
    predictions = labels + np.array([distance, 0, 0])
    scores = evaluate(write_labels(tmp_path / 'labels.json', labels), predictions)
    assert [scores[k] for k in ('PCK@0.1', 'PCK@0.05', 'PCK@0.1 limbs')] == pytest.approx(expected)
    assert set(scores) == {'PCK@0.1', 'PCK@0.05', 'PCK@0.1 limbs', 'tPCK@0.2'}


def test_limbs_leave_out_head_and_neck(tmp_path, labels):
    predictions = labels.copy()
    predictions[:, [LSP.joint_index(name) for name in HEAD]] += 500
    scores = evaluate(write_labels(tmp_path / 'labels.json', labels), predictions)
    assert scores['PCK@0.1 limbs'] == 100
    assert scores['PCK@0.1'] == pytest.approx(1200 / 14)


def test_torso_skips_persons_without_it(tmp_path, labels):
    labels[0, LSP.joint_index('left_shoulder'), 2] = 0
    predictions = labels.copy()
    predictions[0] += 500
    scores = evaluate(write_labels(tmp_path / 'labels.json', labels), predictions)
    assert scores['tPCK@0.2'] == 100
    assert scores['PCK@0.1'] < 100


def test_other_skeletons_are_scored_over_the_joints_they_share(tmp_path, labels):
    predictions = np.full((4, 17, 3), -99.0)
    for index, name in enumerate(COCO.joint_names):
        if name in LSP.joint_names:
            predictions[:, index] = labels[:, LSP.joint_index(name)]
    scores = evaluate(write_labels(tmp_path / 'labels.json', labels), predictions, COCO)
    assert scores == {'PCK@0.1 limbs': 100, 'tPCK@0.2': 100}


def test_image_without_label_is_refused_by_id(tmp_path, labels):
    metric = LspPCKMetric(write_labels(tmp_path / 'labels.json', labels))
    with pytest.raises(DataError, match='image 99 must be in the annotation file'):
        metric.process(None, [make_sample(0, 99, labels[0])])


def test_two_labels_for_one_image_are_refused(tmp_path, labels):
    path = write_labels(tmp_path / 'labels.json', labels)
    data = json.loads(path.read_text())
    data['annotations'].append(data['annotations'][0])
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match='one annotation per image'):
        LspPCKMetric(path)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda data: data.pop('categories'),
            "of LSP, lacks .'left_ankle'",
        ),
        (lambda data: data['categories'][0].update(keypoints=COCO.joint_names[:14]), ', lacks'),
        (
            lambda data: data['annotations'][2].update(keypoints=[1, 2]),
            r'annotations\[2\]\.keypoints .*42',
        ),
        (
            lambda data: data['annotations'][2].update(bbox=[1]),
            r'annotations\[2\]\.bbox .* 4 finite',
        ),
        (
            lambda data: data['annotations'][0].pop('image_id'),
            r'annotations\[0\]\.image_id .*required',
        ),
    ],
)
def test_malformed_labels_are_refused_when_the_metric_is_built(tmp_path, labels, change, message):
    path = write_labels(tmp_path / 'labels.json', labels)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match=message):
        LspPCKMetric(path)


def test_mean_pose_of_the_training_set_has_the_published_score(shared_dir):
    folder = shared_dir / 'data' / 'lspet' / 'annotations'
    train = json.loads((folder / 'lspet_train.json').read_text())['annotations']
    boxes = json.loads((folder / 'lspet_val_person_boxes.json').read_text())
    keypoints = np.array([a['keypoints'] for a in train]).reshape(-1, 14, 3)
    pose = mean_pose(
        keypoints[..., :2], keypoints[..., 2] > 0, to_corners([a['bbox'] for a in train])
    )
    placed = place_pose(pose, to_corners([box['bbox'] for box in boxes]))
    metric = LspPCKMetric(folder / 'lspet_val.json')
    metric.dataset_meta = LSP.metainfo()
    for index, (box, joints) in enumerate(zip(boxes, placed, strict=True)):
        prediction = np.column_stack([joints, np.ones(14)])
        metric.process(None, [make_sample(index, box['image_id'], prediction)])
    scores = metric.evaluate(len(boxes))
    rounded = {name: round(value, 1) for name, value in scores.items()}
    assert rounded == {'PCK@0.1': 8.9, 'PCK@0.05': 2.2, 'PCK@0.1 limbs': 9.3, 'tPCK@0.2': 4.2}


def to_corners(boxes):
    boxes = np.array(boxes, float)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
