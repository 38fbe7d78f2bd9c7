"""Differences between trainings: right value, paired people, honest about few seeds."""

import json

import numpy as np
import pytest
from tiny_data import write_people

from posenas.experiments.runs import compare_runs, read_tested, score_runs
from posenas.utils.errors import DataError


def draw_runs_of(num_seeds, share, seed=0, num_persons=300, spread=0.0):
    """Distances of trainings that find ``share`` of the keypoints, some labels missing."""
    rng = np.random.default_rng(seed)
    labelled = np.random.default_rng(99).random((num_persons, 5)) < 0.8
    shares = share + spread * rng.normal(size=num_seeds)
    return [
        np.where(labelled, np.where(rng.random(labelled.shape) < s, 0.05, 0.5), np.nan)
        for s in shares
    ]


def test_the_value_is_the_difference_of_the_mean_scores():
    worse, better = draw_runs_of(3, 0.4), draw_runs_of(2, 0.5, seed=1)
    found = compare_runs(worse, better, num_samples=50)
    assert found.value == pytest.approx(score_runs(better).mean() - score_runs(worse).mean())
    assert found.low < found.value < found.high
    assert found.num_seeds == (3, 2)


def test_the_interval_holds_a_clear_difference_and_not_its_absence():
    found = compare_runs(draw_runs_of(3, 0.4), draw_runs_of(3, 0.5, seed=1), num_samples=300)
    assert 0 < found.low < 10 < found.high
    assert found.detectable < found.value


def test_equal_trainings_differ_by_nothing():
    runs = draw_runs_of(1, 0.5)
    found = compare_runs(runs, runs, num_samples=20)
    assert (found.value, found.low, found.high, found.detectable) == (0, 0, 0, 0)


def test_seeds_that_differ_widen_the_interval():
    close, wide = (
        compare_runs(
            draw_runs_of(3, 0.5, num_persons=2000, spread=spread),
            draw_runs_of(3, 0.5, seed=1, num_persons=2000, spread=spread),
            num_samples=300,
        )
        for spread in (0.0, 0.1)
    )
    assert wide.detectable > 2 * close.detectable


def test_trainings_of_other_labels_or_none_are_refused():
    runs = draw_runs_of(2, 0.5)
    with pytest.raises(DataError, match='must be scored on the same labels'):
        compare_runs(runs, [distances[:-1] for distances in runs])
    with pytest.raises(DataError, match='needs a finished training on either side'):
        compare_runs(runs, [])


def test_distances_are_in_units_of_the_label_box_and_infinite_without_a_result(tmp_path):
    truth = write_people(tmp_path, num_images=2)
    labels = json.loads(truth.read_text())['annotations']
    joints = np.array(labels[0]['keypoints'], float).reshape(17, 3)
    joints[:, 0] += 0.25 * max(labels[0]['bbox'][2:])
    row = dict(image_id=1, category_id=1, keypoints=joints.ravel().tolist(), score=1.0)
    (tmp_path / 'results.json').write_text(json.dumps([row]))
    tested = read_tested(truth, tmp_path / 'results.json')
    np.testing.assert_allclose(tested.distances[0], 0.25)
    assert np.isinf(tested.distances[1]).all()
    assert tested.units.tolist() == [0, 1]


@pytest.mark.parametrize('key', ['video_id', 'vid_id'])
def test_people_of_one_video_are_drawn_together(tmp_path, key):
    truth = write_people(tmp_path, num_images=4)
    content = json.loads(truth.read_text())
    for image, video in zip(content['images'], ('b', 'a', 'b', 'c'), strict=True):
        image[key] = video
    truth.write_text(json.dumps(content))
    (tmp_path / 'results.json').write_text('[]')
    assert read_tested(truth, tmp_path / 'results.json').units.tolist() == [1, 0, 1, 2]


def test_people_of_few_videos_tell_less_than_as_many_on_their_own():
    videos = np.repeat(np.arange(10), 60)
    shares = np.random.default_rng(5).uniform(0.2, 0.8, 10)[videos]
    rng = np.random.default_rng(6)
    worse, better = (
        [np.where(rng.random((600, 5)) < (shares + extra)[:, None], 0.05, 0.5)]
        for extra in (0.0, 0.1 * np.sin(videos))
    )
    alone, together = (
        compare_runs(worse, better, num_samples=300, units=units) for units in (None, videos)
    )
    assert together.value == alone.value
    assert together.detectable > 1.5 * alone.detectable


def test_a_second_baseline_takes_its_share():
    low, high, own = draw_runs_of(3, 0.4), draw_runs_of(2, 0.6, seed=1), draw_runs_of(3, 0.5, 2)
    ends = [
        compare_runs(low, own, num_samples=20, between=(high, share)).value
        for share in (0.0, 0.25, 1.0)
    ]
    assert ends[0] == pytest.approx(compare_runs(low, own, num_samples=20).value)
    assert ends[2] == pytest.approx(compare_runs(high, own, num_samples=20).value)
    assert ends[1] == pytest.approx(0.75 * ends[0] + 0.25 * ends[2])
    found = compare_runs(low, own, num_samples=20, between=(high, 0.25))
    assert found.num_seeds == (3, 2, 3)
    assert found.low < found.value < found.high
