"""Cost and accuracy of the networks of a period, place by place."""

import json

import numpy as np
import pytest
from evaluation.metrics.samples import make_sample
from posetrack_videos import make_video_file

from posenas.evaluation import FrameCost, PCKAccuracy, PoseTrack18Metric
from posenas.skeletons import COCO, POSETRACK18
from posenas.utils import ConfigError


def evaluate(metric, samples, skeleton=COCO):
    metric.dataset_meta = skeleton.metainfo()
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def seen(number, position, shift=0.0, level=2):
    truth = np.column_stack([np.random.default_rng(0).uniform(20, 80, (17, 2)), np.full(17, 2)])
    found = truth.copy()
    truth[:5, 2] = level
    found[:5, 0] += shift
    meta = dict(period_position=position, macs=(8, 2, 2)[position], params=30)
    annotation = dict(keypoints=truth.ravel().tolist(), track_id=1)
    return make_sample(number, number, found, truth, raw_ann_info=annotation, **meta)


def test_the_cost_is_that_of_the_networks_that_looked():
    scores = evaluate(FrameCost(), [seen(i, i % 3) for i in range(6)])
    assert scores == {
        'frame/macs': 4.0,
        'frame/params': 30.0,
        'frame/key_share': pytest.approx(1 / 3),
    }
    with pytest.raises(ConfigError, match='OnlinePoseEstimator'):
        FrameCost().process(None, [make_sample(0, 0, np.ones((17, 3)), np.ones((17, 3)))])


def test_scores_are_repeated_for_each_place_in_the_period_and_for_hidden_keypoints():
    samples = [seen(0, 0), seen(1, 1, 200.0, level=1), seen(2, 2, 200.0), seen(3, 0)]
    scores = evaluate(PCKAccuracy(thr=0.1, by_visibility=True), samples)
    assert scores['PCK at 0'] == 1
    assert scores['PCK at 1'] == scores['PCK at 2'] == pytest.approx(12 / 17)
    assert scores['PCK'] == pytest.approx((17 * 2 + 12 * 2) / (17 * 4))
    assert scores['PCK hidden'] == scores['PCK hidden at 1'] == 0
    assert scores['PCK visible at 1'] == 1
    assert 0 < scores['PCK visible'] < 1


def test_images_have_no_places():
    truth = np.column_stack([np.random.default_rng(0).uniform(20, 80, (17, 2)), np.full(17, 2)])
    assert evaluate(PCKAccuracy(thr=0.1), [make_sample(0, 0, truth, truth)]) == {'PCK': 1.0}


def test_precision_at_a_place_counts_the_people_looked_at_there(tmp_path):
    name = '000001_mpii_test'
    path = tmp_path / 'val' / f'{name}.json'
    path.parent.mkdir()
    path.write_text(json.dumps(make_video_file(name, num_frames=4)))
    samples = []
    for number, row in enumerate(json.loads(path.read_text())['annotations']):
        joints = np.array(row['keypoints'], float).reshape(17, 3)
        position = number // 2 % 2
        joints[:, 2] *= 0.9
        joints[:, 0] += 500 * (position and row['track_id'] == 0)
        meta = dict(period_position=position, raw_ann_info=row)
        samples.append(make_sample(number, row['image_id'], joints, **meta))
    metric = PoseTrack18Metric(path.parent, prefix='')
    scores = evaluate(metric, samples, POSETRACK18)
    names = {key.removeprefix('posetrack18/'): value for key, value in scores.items()}
    assert names['AP at 0'] == names['Total AP at 0'] == names['Wri AP at 0'] == 100
    assert names['AP at 1'] == pytest.approx(25)  # half of them at half the precision
    assert names['AP at 1'] < names['AP'] < names['AP at 0']


def test_the_share_of_key_frames_is_that_of_frames_seen_by_the_key_network():
    scores = evaluate(FrameCost(), [seen(i, place) for i, place in enumerate((0, 0, 0, 1))])
    assert scores['frame/key_share'] == 0.75
