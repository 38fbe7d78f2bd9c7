import numpy as np
import pytest
from evaluation.metrics.samples import make_sample

from posenas.evaluation import JhmdbPCKAccuracy
from posenas.skeletons import COCO, JHMDB
from posenas.utils import ConfigError

COLUMNS = ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank', 'Mean')


def person(labelled=True):
    """Return an annotation (15, 3): torso 50 px long, keypoints on a circle around it."""
    angle = np.linspace(0, 2 * np.pi, 15, endpoint=False)
    keypoints = np.stack([100 + 60 * np.cos(angle), 100 + 60 * np.sin(angle), angle * 0 + 2], 1)
    keypoints[JHMDB.joint_index('left_shoulder'), :2] = 130, 60
    keypoints[JHMDB.joint_index('right_hip'), :2] = 100, 100
    keypoints[JHMDB.joint_index('right_hip'), 2] *= labelled
    return keypoints


def evaluate(samples, skeleton=JHMDB, **kwargs):
    metric = JhmdbPCKAccuracy(**kwargs)
    metric.dataset_meta = skeleton.metainfo()
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_each_group_of_joints_has_its_score():
    truth = person()
    found = truth.copy()
    found[JHMDB.joint_index('left_knee'), 0] += 15
    found[JHMDB.joint_index('head'), 0] += 15
    scores = evaluate([make_sample(0, 0, found, truth)], thr=0.2, norm_item=['bbox', 'torso'])
    assert {name for name in scores if name.endswith(' PCK')} == {f'{c} PCK' for c in COLUMNS}
    assert {name for name in scores if name.endswith(' tPCK')} == {f'{c} tPCK' for c in COLUMNS}
    assert scores['Head PCK'] == scores['Knee PCK'] == 1
    assert (scores['Head tPCK'], scores['Knee tPCK'], scores['Sho tPCK']) == (0, 0.5, 1)
    assert scores['Mean tPCK'] == scores['tPCK'] == pytest.approx(13 / 15)
    assert scores['Mean PCK'] == scores['PCK'] == 1


def test_a_person_without_torso_counts_by_its_box_only():
    truth = person(labelled=False)
    scores = evaluate([make_sample(0, 0, truth)], thr=0.2, norm_item=['bbox', 'torso'])
    assert scores['PCK'] == 1
    assert np.isnan(scores['tPCK'])
    assert np.isnan(scores['Hip tPCK'])


def test_no_persons_give_no_numbers():
    assert all(np.isnan(value) for value in evaluate([]).values())


def test_units_and_skeletons_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match='no head segment'):
        JhmdbPCKAccuracy(norm_item='head')
    with pytest.raises(ConfigError, match='needs the keypoints of JHMDB'):
        evaluate([], COCO)
    with pytest.raises(ValueError, match='thr must be greater than 0'):
        JhmdbPCKAccuracy(thr=0)
