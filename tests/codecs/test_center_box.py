"""The codec of boxes: what it writes it reads, and what it must leave out it leaves out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posenas.codecs import CenterBox

SIZE = (128, 96)
SIDE = st.floats(6, 60)


def read(target, codec=None):
    """Decode a target as if a network had learnt it perfectly."""
    return (codec or CenterBox()).decode(learnt(target), score_thr=0.99)


def learnt(target):
    return np.concatenate([target[:1], target[2:6]])


def encode(boxes, ignored=None, codec=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    ignored = np.zeros(len(boxes), bool) if ignored is None else np.array(ignored)
    return (codec or CenterBox()).encode(boxes, ignored, SIZE)


@given(st.floats(0, 60), st.floats(0, 30), SIDE, SIDE)
def test_a_box_is_read_as_it_was_written(left, top, width, height):
    box = [left, top, left + width, top + height]
    boxes, scores = read(encode([box]))
    assert scores.tolist() == [1]
    np.testing.assert_allclose(boxes, [box], atol=1e-4)


def test_people_apart_are_all_read_best_first():
    target = encode([[4, 4, 40, 60], [60, 8, 90, 70], [100, 40, 110, 60]])
    target[0] *= np.linspace(1, 0.9925, target.shape[2])  # the right ones are less certain
    boxes, scores = read(target)
    assert np.round(boxes[:, 0]).tolist() == [4, 60, 100]
    assert (np.diff(scores) < 0).all()


def test_the_smaller_box_counts_where_two_overlap():
    outer, inner = [0, 0, 100, 90], [40, 36, 60, 54]
    for boxes in ([outer, inner], [inner, outer]):
        np.testing.assert_allclose(read(encode(boxes))[0], [inner], atol=1e-4)


def test_nothing_is_learnt_inside_a_crowd_except_its_labelled_people():
    target = encode([[40, 40, 80, 80], [48, 48, 64, 64]], [True, False])
    weight = target[1]
    assert weight[13, 13] == 1  # near the person
    assert weight[19, 19] == 0
    assert weight[0, 0] == 1
    assert target[0].max() == 1
    assert target[6].sum() == pytest.approx(1)


def test_two_peaks_of_one_person_are_one_box():
    codec = CenterBox()
    target = encode([[8, 8, 88, 88]])
    target[0, 12, 14] = 0.995
    assert len(read(target)[0]) == 1
    assert len(read(target, CenterBox(nms_thr=1.0))[0]) == 2
    assert len(codec.decode(learnt(target), score_thr=0.999)[0]) == 1


def test_maps_that_are_not_finite_hold_nobody():
    target = encode([[8, 8, 40, 40]])
    maps = learnt(target)
    maps[1, 6, 6] = np.nan
    assert len(CenterBox().decode(maps, score_thr=0.99)[0]) == 0


def test_a_box_is_the_mean_of_those_beside_its_peak_that_are_of_the_same_person():
    maps = np.zeros((5, 8, 8), np.float32)
    maps[0, 3, 3:6] = 0.9, 0.3, 0.2
    maps[1:, 3, 3], maps[1:, 3, 2] = 20, 2
    maps[1:, 3, 4] = 24, 20, 24, 20  # right of the peak by 4: from -8 and to 40 along x
    boxes, scores = CenterBox().decode(maps, score_thr=0.5)
    assert scores.tolist() == pytest.approx([0.9])
    np.testing.assert_allclose(boxes, [[-8, -8, 0.75 * 32 + 0.25 * 40, 32]], rtol=1e-6)


def test_large_people_are_read_of_the_copy_of_half_the_size_too():
    codec, nobody = CenterBox(with_half=True), np.zeros((5, 24, 32), np.float32)
    assert codec.output_names == ('maps', 'half_maps')
    small, large = [2, 2, 30, 30], [34, 2, 58, 46]
    half = encode([small, large])
    boxes, scores = codec.decode(nobody, learnt(half), score_thr=0.99)
    assert scores.tolist() == [1]
    np.testing.assert_allclose(boxes, [2 * np.array(large) + 0.5], atol=1e-3)
    fine = learnt(encode([[8, 8, 24, 40]])) * np.float32([0.995, 1, 1, 1, 1])[:, None, None]
    boxes, scores = codec.decode(fine, learnt(half), score_thr=0.99)
    assert scores.tolist() == pytest.approx([1, 0.995])
    corners, scores = codec.batch_decode(fine[None], learnt(half)[None])
    assert corners.shape == (1, 2 * 2 * 24 * 32, 2)
    assert scores.shape == (1, 2 * 24 * 32)


@pytest.mark.parametrize(
    ('call', 'match'),
    [
        (lambda: CenterBox(stride=0), 'stride must be greater than 0'),
        (lambda: CenterBox().encode(np.zeros((1, 3)), np.zeros(1, bool), SIZE), 'shape'),
        (lambda: CenterBox().encode(np.zeros((0, 4)), np.zeros(0, bool), (30, 32)), 'multiple'),
        (lambda: CenterBox().decode(np.zeros((4, 2, 2))), 'maps must have shape'),
    ],
)
def test_what_cannot_be_coded_is_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
