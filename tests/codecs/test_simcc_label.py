"""Vectors of bins: recorded labels and decodings, bounds of the way back, wrong arguments."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posenas.codecs import SimCCLabel, simcc_pck_accuracy

SIZE = (192, 256)
PUBLISHED = dict(input_size=SIZE, sigma=(4.9, 5.66), normalize=False)


@pytest.fixture(scope='module')
def records(golden_dir):
    return dict(np.load(golden_dir / 'simcc' / 'simcc_codec.npz'))


def deviation(ours, recorded):
    return np.abs(ours.astype(np.float64) - recorded).max()


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('gaussian', PUBLISHED),
        ('normalized', dict(sigma=6.0, normalize=True)),
        ('standard', dict(smoothing_type='standard', label_smooth_weight=0.1)),
        ('onehot', dict(smoothing_type='standard')),
    ],
)
def test_encode_draws_the_recorded_labels(records, name, options):
    count = len(records[f'{name}_x'])
    points, visible = (records[key][:count] for key in ('keypoints', 'keypoints_visible'))
    encoded = SimCCLabel(**dict(input_size=SIZE) | options).encode(points, visible)
    for axis in 'xy':
        assert deviation(encoded[f'keypoint_{axis}_labels'], records[f'{name}_{axis}']) <= 2e-7
    np.testing.assert_array_equal(encoded['keypoint_weights'], records[f'{name}_weights'])


def test_decode_finds_the_recorded_keypoints(records):
    codec = SimCCLabel(**PUBLISHED, decode_visibility=True)
    keypoints, (scores, visibility) = codec.decode(records['decode_x'], records['decode_y'])
    np.testing.assert_array_equal(keypoints, records['decode_keypoints'])
    np.testing.assert_array_equal(scores, records['decode_scores'])
    assert deviation(visibility, records['decode_visibility']) <= 1e-6
    soft = [0.01 * records[f'dark_{axis}'] for axis in 'xy']
    assert deviation(codec.decode(*soft)[1][1], records['soft_visibility']) <= 1e-6
    keypoints, scores = SimCCLabel(**PUBLISHED).decode(records['gaussian_x'], records['gaussian_y'])
    np.testing.assert_array_equal(keypoints, records['roundtrip_keypoints'])
    np.testing.assert_array_equal(scores, records['roundtrip_scores'])


def test_dark_finds_the_recorded_keypoints_and_leaves_its_input_alone(records):
    vectors = [records['dark_x'].copy(), records['dark_y'].copy()]
    keypoints, scores = SimCCLabel(**PUBLISHED, use_dark=True).decode(*vectors)
    assert deviation(keypoints, records['dark_keypoints']) <= 1e-4
    np.testing.assert_array_equal(scores, records['dark_scores'])
    np.testing.assert_array_equal(vectors[0], records['dark_x'])


def test_mirrored_vectors_are_brought_back_as_recorded(golden_dir, records):
    cases = json.loads((golden_dir / 'simcc' / 'cases.json').read_text(encoding='utf-8'))
    vectors = [records[f'decode_{axis}'][:1] for axis in 'xy']
    for axis, flipped in zip(
        'xy', SimCCLabel.flip_back(vectors, cases['flip_indices']), strict=True
    ):
        np.testing.assert_array_equal(flipped, records[f'flip_{axis}'])


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(st.floats(0, 191), st.floats(0, 255)), min_size=1, max_size=6),
    kind=st.sampled_from(['gaussian', 'standard']),
)
def test_decode_inverts_encode_within_half_a_bin(points, kind):
    codec = SimCCLabel(SIZE, kind)
    encoded = codec.encode([points])
    decoded, scores = codec.decode(encoded['keypoint_x_labels'], encoded['keypoint_y_labels'])
    assert np.abs(decoded[0] - points).max() <= 0.251
    assert (scores > 0).all()


@settings(max_examples=30, deadline=None)
@given(
    point=st.tuples(*[st.floats(-1e9, 1e9) | st.floats(-60, 320)] * 2),
    visible=st.sampled_from([0.0, 0.4, 1.0]),
)
def test_any_keypoint_is_drawn_finitely_and_weighted_only_if_drawn(point, visible):
    encoded = SimCCLabel(SIZE).encode([[point]], [[visible]])
    labels = encoded['keypoint_x_labels']
    assert np.isfinite(labels).all()
    assert encoded['keypoint_weights'][0, 0] in (0, np.float32(visible))
    assert visible >= 0.5 or not labels.any()
    if encoded['keypoint_weights'][0, 0] == 0:
        assert not labels.any()


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_not_finite_gives_no_keypoint_and_leaves_the_others(value):
    codec = SimCCLabel(SIZE, use_dark=True)
    encoded = codec.encode([[[40.0, 50.0], [80.0, 90.0]]])
    x, y = encoded['keypoint_x_labels'], encoded['keypoint_y_labels']
    alone = codec.decode(x, y)[0][0, 0]
    y[0, 1, 7] = value
    keypoints, scores = codec.decode(x[0], y[0])
    np.testing.assert_array_equal(keypoints[0], [alone, (-0.5, -0.5)])
    assert scores[0, 1] == 0


def test_keypoints_that_are_not_finite_count_as_unlabelled():
    encoded = SimCCLabel(SIZE).encode([[[np.nan, 3.0], [np.inf, 3.0], [60.0, 60.0]]])
    assert encoded['keypoint_weights'].tolist() == [[0, 0, 1]]
    assert np.isfinite(encoded['keypoint_y_labels']).all()


def test_accuracy_counts_close_keypoints_of_positive_weight():
    codec = SimCCLabel(SIZE)
    points = np.array([[[40.0, 50.0], [80.0, 90.0], [20.0, 20.0]]])
    shifts = np.array([[6, 0], [30, 0], [90, 90]])
    targets, moved = codec.encode(points), codec.encode(points + shifts)
    pairs = [(e['keypoint_x_labels'], e['keypoint_y_labels']) for e in (moved, targets)]
    # 12 bins of 512 are within 5 %, 60 are not; the last keypoint does not count
    each, mean, count = simcc_pck_accuracy(*pairs, [[1, 1, 0]])
    assert each.tolist() == [1, 0, -1]
    assert (mean, count) == (0.5, 2)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: SimCCLabel((192, 0)), 'input_size must be'),
        (lambda: SimCCLabel(SIZE, 'smooth'), 'smoothing_type must be one of'),
        (lambda: SimCCLabel(SIZE, sigma=0), 'sigma must be one number > 0'),
        (lambda: SimCCLabel(SIZE, sigma=(1, 2, 3)), 'sigma must be one number > 0'),
        (lambda: SimCCLabel(SIZE, simcc_split_ratio=0), 'simcc_split_ratio must be greater'),
        (lambda: SimCCLabel(SIZE, label_smooth_weight=0.1), "only 'standard' is smoothed"),
        (lambda: SimCCLabel(SIZE, 'standard', label_smooth_weight=1.1), 'label_smooth_weight'),
        (lambda: SimCCLabel(SIZE).encode(np.zeros((5, 2))), 'keypoints must have shape'),
        (lambda: SimCCLabel(SIZE).encode(np.zeros((1, 5, 2)), [[1]]), 'keypoints_visible must'),
        (lambda: SimCCLabel(SIZE).decode(np.zeros((1, 5, 9)), np.zeros((1, 5, 512))), 'simcc_x'),
        (lambda: SimCCLabel(SIZE).decode(np.zeros((4, 384)), np.zeros((5, 512))), 'simcc_y'),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
