"""Joint precision equals the official tool's, and keeps what any precision must."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from posetrack_videos import make_frames

from posenas.evaluation.functional import (
    MATCH_DISTANCE,
    POSETRACK_GROUPS,
    assign_persons,
    collect_detections,
    group_means,
    joint_precision,
    relative_distances,
)
from posenas.evaluation.posetrack import pair_frames, read_video_results, read_videos
from posenas.skeletons import POSETRACK17

seeds = st.integers(0, 2**32 - 1)


def precision(frames, weights=None):
    num_videos = max(frame.video for frame in frames) + 1
    return joint_precision(collect_detections(frames, num_videos), weights)


def perfect(frame, **changes):
    """Let the predictions be the annotations."""
    rng = np.random.default_rng(0)
    same = dict(
        results=frame.truth,
        found=frame.labelled,
        scores=rng.random(frame.labelled.shape),
        result_tracks=frame.truth_tracks,
    )
    return dataclasses.replace(frame, **{**same, **changes})


def test_every_number_of_the_official_tool_is_reproduced(golden_dir):
    folder = golden_dir / 'pipeline' / 'posetrack18_ap'
    expected = json.loads((folder / 'expected.json').read_text())
    videos = read_videos(folder / 'gt')
    frames = pair_frames(videos, read_video_results(folder / 'pred', videos))
    assert len(frames) == expected['num_gt_frames']
    assert [*POSETRACK17.joint_names, 'total'] == expected['joint_order']
    average, *others = precision(frames)
    for found, name in zip((average, *others), ('ap', 'precision', 'recall'), strict=True):
        np.testing.assert_allclose([*found, np.mean(found)], expected[name], rtol=0, atol=1e-12)
    assert group_means(average, 'AP') == pytest.approx(expected['summary'], rel=0, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_perfect_predictions_score_100(seed):
    frames = [perfect(frame) for frame in make_frames(seed)]
    for values in precision(frames):
        np.testing.assert_allclose(values[~np.isnan(values)], 100)


def has_ties(frame):
    """Whether the official assignment of people goes by their order somewhere."""
    shares = (relative_distances(frame) <= MATCH_DISTANCE).sum(-1)
    shares = shares / np.maximum(frame.labelled.sum(-1), 1)
    best = shares.max(-1, keepdims=True, initial=0)
    ties = (shares == best) & (best > 0)
    takers = np.where(ties, shares, 0)
    rivals = (takers == takers.max(0, initial=0)) & (takers > 0)
    return np.any(ties.sum(-1) > 1) or np.any(rivals.sum(0) > 1)


@settings(max_examples=20, deadline=None)
@given(seeds)
@example(27342)
def test_the_order_of_frames_and_persons_does_not_matter(seed):
    frames = [frame for frame in make_frames(seed) if not has_ties(frame)]
    rng = np.random.default_rng(seed)
    shuffled = []
    for index in rng.permutation(len(frames)):
        frame = frames[index]
        truth, results = (rng.permutation(len(x)) for x in (frame.truth, frame.results))
        columns = {
            **{key: getattr(frame, key)[truth] for key in ('truth', 'labelled', 'truth_tracks')},
            **{key: getattr(frame, key)[results] for key in ('results', 'found', 'scores')},
        }
        shuffled.append(dataclasses.replace(frame, **columns))
    np.testing.assert_allclose(precision(shuffled), precision(frames), rtol=1e-12)


def test_noise_lowers_precision():
    levels = [np.nanmean(precision(make_frames(1, noise=noise))[0]) for noise in (0, 4, 8, 16, 60)]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] > levels[2] > levels[4]


@pytest.mark.parametrize(('distance', 'score'), [(9.99, 100), (10.0, 100), (10.01, 0)])
def test_a_joint_matches_within_half_a_head(distance, score):
    frame = make_frames(num_videos=1, num_frames=1, num_people=1)[0]
    everything = np.ones_like(frame.labelled)
    off = perfect(
        frame,
        labelled=everything,
        truth=np.zeros(frame.truth.shape),
        results=np.tile([0, distance], (1, 15, 1)),
        found=everything,
        scores=everything.astype(float),
    )
    np.testing.assert_allclose(precision([off])[0], score)


def test_a_predicted_joint_without_annotation_counts_as_wrong():
    frame = make_frames(num_videos=1, num_frames=1, num_people=1)[0]
    labelled = np.ones_like(frame.labelled)
    labelled[:, 0] = False
    whole = perfect(frame, labelled=labelled, found=np.ones_like(labelled), scores=labelled + 0.5)
    average, last, recall = precision([whole, perfect(frame, labelled=~labelled)])
    assert last[0] == 50
    assert np.isnan(precision([whole])[0][0])
    assert (average[1:] == 100).all()
    assert recall[0] == 100


def test_each_annotated_person_takes_its_best_prediction():
    labelled = np.ones((2, 4), bool)
    matched = np.zeros((3, 2, 4), bool)
    matched[0, 0, :3] = matched[1, 0] = matched[2, 0, 0] = True
    assert assign_persons(matched, labelled).tolist() == [-1, 0, -1]
    matched[0, 1] = True
    assert assign_persons(matched, labelled).tolist() == [1, 0, -1]


@pytest.mark.parametrize('shape', [(0, 3, 4), (3, 0, 4), (0, 0, 4)])
def test_without_persons_nobody_is_assigned(shape):
    matched, labelled = np.zeros(shape, bool), np.ones(shape[1:], bool)
    assert (assign_persons(matched, labelled) == np.full(shape[0], -1)).all()


def test_joints_that_nobody_predicts_score_nothing():
    frames = [
        dataclasses.replace(frame, found=np.zeros_like(frame.found)) for frame in make_frames()
    ]
    assert (np.array(precision(frames)) == 0).all()


@pytest.mark.parametrize('weights', [(0, 1), (2, 1), (3, 0)])
def test_weights_repeat_videos(weights):
    frames = make_frames(3)
    repeated = [
        dataclasses.replace(frame, video=0)
        for video, weight in enumerate(weights)
        for _ in range(weight)
        for frame in frames
        if frame.video == video
    ]
    weighted = precision(frames, np.array(weights, float))
    np.testing.assert_allclose(weighted[1:], precision(repeated)[1:], rtol=1e-12)
    # Copies of a keypoint have one score; among them precision rises or falls step by step.
    np.testing.assert_allclose(weighted[0], precision(repeated)[0], atol=1)


def test_published_columns_are_means_of_their_joints():
    assert sorted(sum(POSETRACK_GROUPS.values(), ())) == sorted(POSETRACK17.joint_names)
    values = np.arange(15.0)
    columns = group_means(values, 'AP')
    assert columns['Head AP'] == 13
    assert columns['Wri AP'] == 8.5
    assert columns['Total AP'] == 7
    values[6] = np.nan
    columns = group_means(values, 'AP')
    assert np.isnan(columns['Wri AP'])
    assert columns['Total AP'] == pytest.approx(99 / 14)
    assert np.isnan(group_means(np.full(15, np.nan), 'AP')['Total AP'])
