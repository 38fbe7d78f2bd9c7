import numpy as np
import pytest
from evaluation.metrics.samples import make_sample

from posenas.evaluation import PCKAccuracy
from posenas.skeletons import COCO, LSP
from posenas.utils import ConfigError, DataError
from posenas.utils.files import read_arrays

JOINTS = LSP.joint_names


def person(**visibilities):
    """Return an annotation (14, 3): torso 50 px long, head 10 px, all labelled by default."""
    keypoints = np.zeros((14, 3))
    keypoints[:, 2] = [visibilities.get(name, 2) for name in JOINTS]
    keypoints[JOINTS.index('left_shoulder'), :2] = 30, 40
    keypoints[JOINTS.index('neck'), :2] = 100, 10
    keypoints[JOINTS.index('head_top'), :2] = 100, 0
    return keypoints


def moved(keypoints, joints, distance):
    result = keypoints.copy()
    for name in joints:
        result[JOINTS.index(name), 0] += distance
    return result


def evaluate(samples, skeleton=LSP, **kwargs):
    metric = PCKAccuracy(**kwargs)
    metric.dataset_meta = skeleton.metainfo()
    metric.process(None, samples)
    return metric.evaluate(len(samples))


@pytest.mark.parametrize(
    ('distance', 'expected'),
    [(0, (1, 1, 1)), (1.5, (1, 13 / 14, 1)), (5.5, (1, 13 / 14, 13 / 14)), (11, (13 / 14,) * 3)],
)
def test_each_normaliser_has_its_own_size_and_key(distance, expected):
    truth = person()
    sample = make_sample(0, 0, moved(truth, ['right_knee'], distance), truth)
    scores = evaluate([sample], thr=0.1, norm_item=['bbox', 'head', 'torso'])
    assert scores == pytest.approx(dict(zip(('PCK', 'PCKh', 'tPCK'), expected, strict=True)))
    assert all(type(value) is float for value in scores.values())


def test_joints_without_label_do_not_count():
    truth = person(right_knee=0)
    sample = make_sample(0, 0, moved(truth, ['right_knee'], 99), truth)
    assert evaluate([sample], thr=0.1) == {'PCK': 1.0}


def test_persons_without_torso_are_skipped():
    complete, partial = person(), person(right_hip=0)
    samples = [
        make_sample(0, 0, complete),
        make_sample(1, 1, moved(partial, JOINTS, 99), partial),
    ]
    assert evaluate(samples, thr=0.1, norm_item='torso') == {'tPCK': 1.0}


def test_mean_is_over_joint_types_not_over_joints():
    truth, partial = person(), person(**dict.fromkeys(JOINTS[1:], 0))
    samples = [
        make_sample(0, 0, moved(truth, JOINTS[:1], 99), truth),
        make_sample(1, 1, partial),
        make_sample(2, 2, partial),
    ]
    assert evaluate(samples, thr=0.1)['PCK'] == pytest.approx((2 / 3 + 13) / 14)


def test_head_needs_a_skeleton_with_a_head():
    sample = make_sample(0, 0, np.ones((17, 3)))
    with pytest.raises(ConfigError, match="norm_item='head' needs a skeleton"):
        evaluate([sample], COCO, norm_item='head')


def test_detected_boxes_are_refused_because_they_have_no_labels():
    sample = make_sample(4, 7, person(), person(**dict.fromkeys(JOINTS, 0)))
    with pytest.raises(DataError, match='samples must have annotated keypoints'):
        evaluate([sample])


def test_nothing_to_score_is_nan():
    assert np.isnan(evaluate([], thr=0.1)['PCK'])


def test_distances_are_kept_for_intervals(tmp_path):
    samples = [make_sample(0, 0, person(left_ankle=0)), make_sample(1, 1, person())]
    evaluate(samples, thr=0.1, norm_item=['torso', 'bbox'], distances_file=str(tmp_path / 'd.npz'))
    distances = read_arrays(tmp_path / 'd.npz', ['distances'])['distances']
    assert distances.shape == (2, LSP.num_joints)
    assert np.isnan(distances[0]).sum() == 1
    assert not np.isnan(distances[1]).any()


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match='norm_item must be one of'):
        PCKAccuracy(norm_item='arm')
    with pytest.raises(ValueError, match='thr must be greater than 0'):
        PCKAccuracy(thr=0)
