"""AUC, EPE and NME against hand counts."""

import numpy as np
import pytest

from posenas.evaluation import AUC, EPE, NME
from posenas.skeletons import get_skeleton
from posenas.utils import ConfigError


def make_samples(distances, skeleton='wflw'):
    """Make one face per distance: every keypoint but the last is off by it, the last unlabelled."""
    joints = get_skeleton(skeleton).num_joints
    truth = np.arange(joints * 2, dtype=np.float32).reshape(1, joints, 2)
    visible = np.ones((1, joints))
    visible[0, -1] = 0
    return [
        dict(
            id=i,
            img_id=i,
            pred_instances=dict(
                keypoints=truth + np.float32([distance, 0]), keypoint_scores=np.ones((1, joints))
            ),
            gt_instances=dict(
                keypoints=truth, keypoints_visible=visible, bboxes=np.float32([[0, 0, 20, 50]])
            ),
        )
        for i, distance in enumerate(distances)
    ]


def evaluate(metric, samples, skeleton='wflw'):
    metric.dataset_meta = get_skeleton(skeleton).metainfo()
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def test_epe_is_the_mean_distance_in_pixels():
    assert evaluate(EPE(), make_samples([3, 6]))['EPE'] == pytest.approx(4.5)


def test_auc_is_the_mean_of_pck_over_thresholds():
    samples = make_samples([0.6 * 30])  # correct at thresholds 0.6, 0.65, ... 0.95
    assert evaluate(AUC(), samples)['AUC'] == pytest.approx(8 / 20)


def test_nme_takes_the_corners_of_the_eyes_or_the_box():
    corners = np.linalg.norm([24, 24])  # keypoints 60 and 72
    found = evaluate(NME('keypoint_distance'), make_samples([2]))
    assert found['NME'] == pytest.approx(2 / corners)
    found = evaluate(NME('use_norm_item', norm_item='box_size'), make_samples([2]))
    assert found['NME'] == pytest.approx(2 / 50)


def test_nme_without_a_unit_is_refused_before_anything_is_predicted():
    with pytest.raises(ConfigError, match='keypoint_indices must be set'):
        NME('keypoint_distance').dataset_meta = get_skeleton('coco').metainfo()
    metric = NME('keypoint_distance', keypoint_indices=[3, 99])
    with pytest.raises(ConfigError, match='two of the 17 keypoints'):
        metric.dataset_meta = get_skeleton('coco').metainfo()


def test_without_people_there_is_no_score():
    for metric in (EPE(), AUC(), NME('keypoint_distance')):
        metric.dataset_meta = get_skeleton('wflw').metainfo()
        (score,) = metric.score([]).values()
        assert np.isnan(score) or score == 0
