"""Scoring at the size of PoseTrack is timed on files that hold what was asked for."""

import pytest

from posenas.benchmarks import benchmark_posetrack
from posenas.benchmarks.posetrack import match_barely, write_posetrack
from posenas.evaluation.functional import count_tracks
from posenas.evaluation.posetrack import pair_frames, read_video_results, read_videos
from posenas.utils import ConfigError


def test_every_frame_drawn_is_scored():
    cost = benchmark_posetrack(num_videos=4, num_frames=30)
    assert (cost.num_videos, cost.num_frames) == (4, 30)
    assert cost.num_people >= 30
    assert 0 < cost.scores['Total AP'] < 100
    assert cost.scores['Total MOT Recall'] < 100
    assert cost.total == cost.reading + cost.precision + cost.tracking


def test_the_bound_finds_about_as_many_matches_as_the_evaluation(tmp_path):
    truth, results = write_posetrack(tmp_path, num_videos=3, num_frames=20)
    videos = read_videos(truth, with_tracks=True)
    frames = pair_frames(videos, read_video_results(results, videos, with_tracks=True))
    matches = count_tracks(frames, len(videos)).matches.sum()
    assert match_barely(frames) == pytest.approx(matches, rel=0.02)


def test_draws_depend_on_the_seed_alone(tmp_path):
    first, again, other = (
        [path.read_bytes() for path in sorted((tmp_path / name).rglob('*.json'))]
        for name, seed in (('first', 3), ('again', 3), ('other', 4))
        if write_posetrack(tmp_path / name, 2, 6, seed)
    )
    assert first == again
    assert len(first) == len(other) == 4
    assert first != other


def test_fewer_frames_than_videos_are_refused():
    with pytest.raises(ConfigError, match='num_frames must be at least num_videos, got 3 and 5'):
        benchmark_posetrack(num_videos=5, num_frames=3)
