"""Videos of three levels of difficulty."""

from itertools import pairwise

import numpy as np
import pytest

from posenas.datasets.synthetic import LEVELS, Studio, draw_level_video
from posenas.datasets.synthetic.levels import _render, _write_script
from posenas.utils.randomness import Stream, make_generator

SIZE = (160, 120)


@pytest.fixture(scope='module')
def studio():
    return Studio.build(SIZE, 3.0)


def watch(studio, name, index=0, num_frames=2, seed=3):
    return list(draw_level_video(studio, LEVELS[name], seed, index, num_frames))


@pytest.mark.parametrize('name', LEVELS)
def test_a_video_depends_on_level_seed_and_index_alone(studio, name):
    first, again, other = (watch(studio, name, index) for index in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.image, two.image)
    assert not np.array_equal(first[0].image, other[0].image)
    assert not np.array_equal(first[0].image, watch(studio, name, 1, seed=4)[0].image)


def test_videos_have_the_usual_size_of_photos():
    (picture,) = watch(Studio.build((640, 480), 1.0), 'easy', num_frames=1)
    assert picture.image.shape == (480, 640, 3)


def test_boxes_enclose_bodies_even_where_they_are_hidden(studio):
    hidden = 0
    for index in range(2):
        for picture in watch(studio, 'hard', index, 2):
            for person in picture.annotations:
                x, y, width, height = person.bbox
                joints = person.keypoints[person.keypoints[:, 2] > 0]
                assert (joints[:, :2] >= (x - 0.5, y - 0.5)).all()
                assert (joints[:, :2] <= (x + width + 0.5, y + height + 0.5)).all()
                assert x >= 0
                assert y >= 0
                assert x + width <= SIZE[0]
                assert y + height <= SIZE[1]
                hidden += int((joints[:, 2] == 1).sum())
    assert hidden


@pytest.mark.slow
def test_levels_rise_in_blur_speed_and_people_who_come_and_go(studio):
    sharpness, motion, changes = {}, {}, {}
    for name in LEVELS:
        videos = [watch(studio, name, index, 8) for index in range(6)]
        frames = [picture for video in videos for picture in video]
        grey = [picture.image.mean(axis=2) for picture in frames]
        sharpness[name] = np.mean([np.abs(np.diff(image, axis=1)).mean() for image in grey])
        steps = []
        changes[name] = 0
        for video in videos:
            for before, after in pairwise(video):
                old = {p.track: p for p in before.annotations}
                new = {p.track: p for p in after.annotations}
                changes[name] += len(old.keys() ^ new.keys())
                for track in old.keys() & new.keys():
                    both = (old[track].keypoints[:, 2] > 0) & (new[track].keypoints[:, 2] > 0)
                    moved = new[track].keypoints[both, :2] - old[track].keypoints[both, :2]
                    steps += np.linalg.norm(moved, axis=1).tolist()
        motion[name] = np.mean(steps)
    assert sharpness['easy'] > sharpness['hard']
    assert motion['easy'] < motion['medium'] < motion['hard']
    assert changes['easy'] < changes['hard']


def test_things_pass_and_hide_people_for_some_frames(studio):
    level = LEVELS['hard']
    script = _write_script(make_generator(Stream.LEVEL_VIDEO, 0, level.number, 0), studio, level, 8)
    assert script.passers
    passer = script.passers[0]
    boxes = [passer.at(time, script.camera).box for time in (0.0, 4.0, 8.0)]
    assert np.abs(boxes[0] - boxes[2]).max() > 5
    assert passer.at(2.0, script.camera).seed == passer.at(5.0, script.camera).seed


def test_the_exposure_blurs_what_moves(studio):
    level = LEVELS['hard']
    rng = make_generator(Stream.LEVEL_VIDEO, 0, level.number, 1)
    script = _write_script(rng, studio, level, 4)
    early, late = (_render(studio, level, script, 1, offset) for offset in (-0.36, 0.36))
    assert not np.array_equal(early[0], late[0])
    same, again = (_render(studio, level, script, 1, 0.0) for _ in range(2))
    assert np.array_equal(same[0], again[0])
