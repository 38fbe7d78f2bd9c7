import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posenas.evaluation.functional import (
    instance_scores,
    nms,
    oks_matrix,
    oks_nms,
    soft_nms,
    soft_oks_nms,
    visible_pairs,
)
from posenas.skeletons import COCO

SIGMAS = np.array(COCO.sigmas)
READINGS = {'oks_vis_both': 'both', 'oks_vis_original': 'original'}


@pytest.fixture(scope='module')
def pose_sets(golden_dir):
    arrays = np.load(golden_dir / 'oks_nms' / 'sets.npz')
    expected = json.loads((golden_dir / 'oks_nms' / 'expected.json').read_text())
    keys = ('keypoints', 'box_score', 'area', 'oks', *READINGS, 'oks_sigma005')
    return [
        {key: arrays[f'{record["id"]}/{key}'] for key in keys} | dict(expected=record)
        for record in expected['sets']
    ]


def similarity(poses, name='oks'):
    points, scores = poses['keypoints'][..., :2], poses['keypoints'][..., 2]
    counted = visible_pairs(scores, 0.2, READINGS[name]) if name in READINGS else None
    sigmas = np.full(17, 0.05) if name == 'oks_sigma005' else SIGMAS
    return oks_matrix(points, poses['area'], sigmas, counted)


@pytest.mark.parametrize('name', ['oks', 'oks_sigma005', *READINGS])
def test_similarities_equal_the_recorded_ones(pose_sets, name):
    for poses in pose_sets:
        np.testing.assert_allclose(similarity(poses, name), poses[name], rtol=0, atol=1e-6)


def test_instance_scores_equal_the_recorded_ones(pose_sets):
    for poses in pose_sets:
        scores = instance_scores(poses['box_score'], poses['keypoints'][..., 2], 0.2)
        np.testing.assert_allclose(scores, poses['expected']['score'], rtol=0, atol=1e-6)


@pytest.mark.parametrize('suffix', ['', '_vis_both', '_vis_original'])
def test_oks_nms_keeps_the_recorded_poses(pose_sets, suffix):
    for poses in pose_sets:
        for threshold, kept in poses['expected'][f'oks_nms{suffix}'].items():
            scores = np.array(poses['expected']['score'])
            assert nms(similarity(poses, f'oks{suffix}'), scores, float(threshold)) == kept


def test_soft_oks_nms_keeps_the_recorded_poses(pose_sets):
    for poses in pose_sets:
        points, scores = poses['keypoints'][..., :2], np.array(poses['expected']['score'])
        for threshold, kept in poses['expected']['soft_oks_nms'].items():
            result = soft_oks_nms(points, scores, poses['area'], SIGMAS, float(threshold))
            assert result == kept


def test_pipeline_recording_agrees(golden_dir):
    recorded = np.load(golden_dir / 'pipeline' / 'nms.npz')
    points, areas = recorded['keypoints'][..., :2], recorded['areas']
    matrix = oks_matrix(points, areas, SIGMAS)
    np.testing.assert_allclose(matrix, recorded['v0_oks_matrix'], atol=1e-5)
    scores = instance_scores(
        recorded['bbox_scores'], recorded['keypoints'][..., 2], float(recorded['vis_thr'])
    )
    np.testing.assert_allclose(scores, recorded['v0_scores'], atol=1e-6)
    assert oks_nms(points, scores, areas, SIGMAS, 0.9) == recorded['v0_oks_nms_keep'].tolist()
    assert oks_nms(points, scores, areas, SIGMAS, 0.5) == recorded['v0_oks_nms_keep_05'].tolist()
    kept = soft_oks_nms(points, scores, areas, SIGMAS, 0.9)
    assert kept == recorded['v0_soft_oks_nms_keep'].tolist()


@st.composite
def scored_similarities(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.integers(0, 12))
    matrix = rng.uniform(size=(size, size))
    matrix = np.maximum(matrix, matrix.T)
    np.fill_diagonal(matrix, 1)
    return matrix, rng.uniform(size=size).round(1), draw(st.floats(0.05, 0.95))


def test_the_published_skip_keeps_the_recorded_poses(golden_dir):
    folder = golden_dir / 'pnfs' / 'pipeline'
    record = json.loads((folder / 'expected.json').read_text())['rescore_and_nms']
    candidates = record['candidates']
    joints = np.reshape([c['keypoints'] for c in candidates], (-1, 17, 3))
    areas = np.array([c['bbox'][2] * c['bbox'][3] for c in candidates], np.float64)
    boxes = np.array([c['score'] for c in candidates])
    scores = instance_scores(boxes, joints[..., 2], record['confidence_threshold'])
    # the original divides by the number of keypoints plus 1e-5
    np.testing.assert_allclose(scores, record['rescored'], rtol=3e-6)
    counted = visible_pairs(joints[..., 2], 0, 'original')
    oks = oks_matrix(joints[..., :2], areas, SIGMAS, counted)
    np.testing.assert_allclose(oks[0], record['oks_first_vs_all'], atol=5.1e-5)
    for legacy_skip, key in ((False, 'without_skip_bug'), (True, 'original')):
        kept = oks_nms(joints[..., :2], scores, areas, SIGMAS, 0.9, legacy_skip)
        assert kept == record[f'kept_indices_{key}']


def test_the_published_skip_passes_over_the_next_best():
    similarity = np.full((4, 4), 0.95)
    scores = np.array([0.9, 0.8, 0.7, 0.6])
    assert nms(similarity, scores, 0.9) == [0]
    assert nms(similarity, scores, 0.9, legacy_skip=True) == [0, 2]
    assert nms(similarity[:1, :1], scores[:1], 0.9, legacy_skip=True) == [0]
    assert nms(similarity[:0, :0], scores[:0], 0.9, legacy_skip=True) == []


@settings(max_examples=60, deadline=None)
@given(scored_similarities())
def test_nms_is_idempotent_and_keeps_nothing_similar(case):
    matrix, scores, threshold = case
    kept = nms(matrix, scores, threshold)
    again = nms(matrix[np.ix_(kept, kept)], scores[kept], threshold)
    assert again == list(range(len(kept)))
    for better, worse in pairwise(kept):
        assert scores[better] >= scores[worse]
    assert all(matrix[i, j] <= threshold for i in kept for j in kept if i != j)


@settings(max_examples=30, deadline=None)
@given(scored_similarities())
def test_soft_nms_orders_everyone_starting_with_the_best(case):
    matrix, scores, threshold = case
    kept = soft_nms(matrix, scores, threshold, max_kept=100)
    assert sorted(kept) == list(range(len(scores)))
    assert not kept or kept[0] == int(np.argmax(scores))


@pytest.mark.parametrize('legacy_skip', [False, True])
def test_only_what_is_more_similar_than_the_threshold_is_dropped(legacy_skip):
    similarity, scores = np.array([[1, 0.5], [0.5, 1]]), np.array([0.9, 0.8])
    assert nms(similarity, scores, 0.5, legacy_skip) == [0, 1]
    assert nms(similarity, scores, np.nextafter(0.5, 0), legacy_skip) == [0]


def test_joints_enter_the_score_of_a_pose_only_above_the_threshold():
    joints = np.array([[0.2, 0.2, 0.6], [0.2, 0.2, 0.2]])
    assert instance_scores(np.ones(2), joints, 0.2).tolist() == [0.6, 0]


def test_equal_scores_keep_the_earlier_row():
    assert nms(np.ones((3, 3)), np.ones(3), 0.5) == [0]


@pytest.mark.parametrize(
    ('mode', 'expected'),
    [('bbox', 0.5), ('keypoint', 0.7), ('bbox_keypoint', 0.35), ('bbox_rle', 0.5 + 0.5 + 0.9)],
)
def test_score_modes_combine_box_and_joints(mode, expected):
    scores = instance_scores(np.array([0.5]), np.array([[0.9, 0.1, 0.5]]), 0.2, mode)
    assert scores == pytest.approx([expected])


def test_pair_without_visible_joints_has_similarity_zero():
    points = np.zeros((2, 17, 2))
    counted = visible_pairs(np.zeros((2, 17)), 0.2)
    assert not oks_matrix(points, np.ones(2), SIGMAS, counted).any()


def test_a_joint_as_confident_as_the_threshold_is_not_visible():
    assert visible_pairs(np.array([[0.2, 0.3]]), 0.2).tolist() == [[[False, True]]]


def test_wrong_number_of_joints_is_refused():
    with pytest.raises(ValueError, match='keypoints must have shape'):
        oks_matrix(np.zeros((2, 14, 2)), np.ones(2), SIGMAS)
