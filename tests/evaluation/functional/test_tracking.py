"""Tracking scores follow the CLEAR-MOT definition, told by motmetrics and by hand."""

import dataclasses
from itertools import permutations

import numpy as np
import pytest
from posetrack_videos import make_frames

from posenas.evaluation.functional import (
    MATCH_DISTANCE,
    count_tracks,
    match_identities,
    relative_distances,
    track_scores,
)
from posenas.evaluation.posetrack import pair_frames, read_video_results, read_videos

FIELDS = ('labelled', 'predicted', 'matches', 'switches', 'distances')


@pytest.fixture(scope='module')
def recorded(golden_dir):
    """Frames of the recorded videos, whose people have identities."""
    folder = golden_dir / 'pipeline' / 'posetrack18_ap'
    videos = read_videos(folder / 'gt', with_tracks=True)
    return pair_frames(videos, read_video_results(folder / 'pred', videos, with_tracks=True))


def joint_frames(frames, video, joint):
    """Yield identities and distances (O, H), NaN where too far, of one keypoint in each frame."""
    for frame in frames:
        if frame.video == video:
            rows, columns = frame.labelled[:, joint], frame.found[:, joint]
            distances = relative_distances(frame)[columns][:, rows, joint].T
            distances = np.where(distances <= MATCH_DISTANCE, distances, np.nan)
            yield frame.truth_tracks[rows], frame.result_tracks[columns], distances


def count_by_motmetrics(mm, frames, video, joint):
    accumulator = mm.MOTAccumulator(auto_id=True)
    for objects, hypotheses, distances in joint_frames(frames, video, joint):
        accumulator.update(objects, hypotheses, distances)
    names = ['num_objects', 'num_predictions', 'num_detections', 'num_switches']
    counts = mm.metrics.create().compute(accumulator, metrics=names, return_dataframe=False)
    events = accumulator.mot_events
    matched = events[events.Type.isin(['MATCH', 'SWITCH'])]
    return [*(counts[name] for name in names), matched.D.sum()]


def count_by_definition(frames, video, joint):
    """Try every assignment instead of solving for the best."""
    last, totals = {}, np.zeros(5)
    for objects, hypotheses, distances in joint_frames(frames, video, joint):
        objects, hypotheses = objects.tolist(), hypotheses.tolist()
        pairs = {}
        for i, identity in enumerate(objects):
            j = hypotheses.index(last[identity]) if last.get(identity) in hypotheses else None
            if j is not None and j not in pairs.values() and distances[i, j] <= MATCH_DISTANCE:
                pairs[i] = j
        free = [i for i in range(len(objects)) if i not in pairs]
        others = [j for j in range(len(hypotheses)) if j not in pairs.values()]
        others += [None] * len(free)
        found = [dict(zip(free, chosen, strict=True)) for chosen in permutations(others, len(free))]
        found = [
            {i: j for i, j in each.items() if j is not None and distances[i, j] <= MATCH_DISTANCE}
            for each in found
        ]
        best = min(found, key=lambda each: (-len(each), sum(distances[p] for p in each.items())))
        totals[3] += sum(
            last.get(objects[i], hypotheses[j]) != hypotheses[j] for i, j in best.items()
        )
        pairs |= best
        last |= {objects[i]: hypotheses[j] for i, j in pairs.items()}
        matched = sum(distances[pair] for pair in pairs.items())
        totals += [len(objects), len(hypotheses), len(pairs), 0, matched]
    return totals


def assert_counts(frames, count):
    num_videos = frames[-1].video + 1
    counts = count_tracks(frames, num_videos)
    for video in range(num_videos):
        for joint in range(15):
            ours = [getattr(counts, field)[video, joint] for field in FIELDS]
            assert ours == pytest.approx(count(frames, video, joint)), (video, joint)
    return counts


def test_recorded_videos_are_counted_as_by_motmetrics(recorded):
    mm = pytest.importorskip('motmetrics')
    assert_counts(recorded, lambda *which: count_by_motmetrics(mm, *which))


@pytest.mark.parametrize('seed', range(3))
def test_random_videos_are_counted_as_by_motmetrics(seed):
    mm = pytest.importorskip('motmetrics')
    frames = make_frames(seed, num_videos=1)
    counts = assert_counts(frames, lambda *which: count_by_motmetrics(mm, *which))
    assert counts.switches.sum() > 10


def test_recorded_videos_are_counted_by_the_definition(recorded):
    assert_counts(recorded, count_by_definition)


@pytest.mark.parametrize('seed', range(5))
def test_random_videos_are_counted_by_the_definition(seed):
    assert_counts(make_frames(seed, noise=8.0), count_by_definition)


def test_perfect_tracks_score_100():
    frames = [
        dataclasses.replace(
            frame, results=frame.truth, found=frame.labelled, result_tracks=frame.truth_tracks + 7
        )
        for frame in make_frames(0)
    ]
    for name, values in track_scores(count_tracks(frames, 2)).items():
        np.testing.assert_allclose(values, 100, err_msg=name)


def test_an_identity_switch_is_counted_once():
    known = {}
    near = np.array([[0.1, np.inf], [np.inf, 0.1]])
    assert match_identities(known, [1, 2], [5, 6], near) == ([(0, 0), (1, 1)], 0)
    assert match_identities(known, [1, 2], [6, 5], near) == ([(0, 0), (1, 1)], 2)
    assert match_identities(known, [1, 2], [6, 5], near)[1] == 0
    assert known == {1: 6, 2: 5}


def test_an_old_match_is_kept_though_another_is_nearer():
    known = {1: 5}
    assert match_identities(known, [1], [6, 5], np.array([[0.0, 0.4]])) == ([(0, 1)], 0)


def test_an_identity_lasts_through_a_gap():
    known = {}
    match_identities(known, [1], [5], np.zeros((1, 1)))
    assert match_identities(known, [1], [], np.zeros((1, 0))) == ([], 0)
    assert match_identities(known, [1], [6], np.zeros((1, 1))) == ([(0, 0)], 1)


def test_as_many_as_possible_are_matched():
    distances = np.array([[0.1, 0.4], [0.4, np.inf]])
    pairs, _ = match_identities({}, [1, 2], [5, 6], distances)
    assert sorted(pairs) == [(0, 1), (1, 0)]


def test_a_joint_that_is_never_annotated_has_no_score():
    frame = make_frames(num_videos=1, num_frames=1)[0]
    frame.labelled[:, 4] = False
    scores = track_scores(count_tracks([frame], 1))
    assert all(np.isnan(values[4]) and not np.isnan(values[5]) for values in scores.values())


def test_weights_repeat_videos():
    counts = count_tracks(make_frames(0), 2)
    last = count_tracks([frame for frame in make_frames(0) if frame.video == 1], 2)
    weighted = track_scores(counts, np.array([0.0, 3.0]))
    for name, values in track_scores(last).items():
        np.testing.assert_allclose(weighted[name], values)
