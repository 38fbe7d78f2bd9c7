"""What all codecs promise: bounds of decode after encode, shapes, broken numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posenas.codecs import MegviiHeatmap, MSRAHeatmap, UDPHeatmap
from posenas.registry import KEYPOINT_CODECS

INPUT, HEATMAP = (192, 256), (48, 64)
#: Codec and the largest error of decode after encode, heatmap pixels, two heatmap pixels or more
#: inside the heatmap.
CODECS = {
    'quarter': (dict(type='MSRAHeatmap', sigma=2), 0.51),
    'dark': (dict(type='MSRAHeatmap', sigma=2, unbiased=True), 0.05),
    'udp': (dict(type='UDPHeatmap', sigma=2), 0.05),
    'combined': (dict(type='UDPHeatmap', heatmap_type='combined', generation='1.x'), 1e-3),
    'megvii': (dict(type='MegviiHeatmap', kernel_size=11), 0.76),
}


def build(name: str, **sizes):
    sizes = dict(input_size=INPUT, heatmap_size=HEATMAP) | sizes
    return KEYPOINT_CODECS.build({**CODECS[name][0], **sizes})


def test_maxima_are_refined_as_asked_however_targets_were_drawn():
    keypoints = np.array([[[83.0, 121.0]]])
    sizes = dict(input_size=INPUT, heatmap_size=HEATMAP)
    maps = MSRAHeatmap(**sizes, unbiased=True).encode(keypoints)['heatmaps']
    found = {
        refine: MSRAHeatmap(**sizes, refine=refine).decode(maps)[0][0]
        for refine in ('auto', 'quarter', 'dark', None)
    }
    np.testing.assert_array_equal(found[None], [[84, 120]])
    np.testing.assert_array_equal(found['quarter'], [[83, 121]])
    np.testing.assert_array_equal(found['auto'], found['quarter'])
    np.testing.assert_allclose(found['dark'], keypoints[0], atol=0.2)


@pytest.mark.parametrize('name', CODECS)
@settings(max_examples=60, deadline=None)
@given(cells=st.lists(st.tuples(st.floats(8, 39), st.floats(8, 55)), min_size=1, max_size=6))
def test_decode_inverts_encode_within_the_stated_error(name, cells):
    codec = build(name)
    keypoints = np.array(cells)[None] * codec.stride
    decoded, scores = codec.decode(codec.encode(keypoints)['heatmaps'])
    error = np.abs(decoded / codec.stride - cells)
    assert error.max() <= CODECS[name][1]
    assert (scores > 0.25).all()


@pytest.mark.parametrize('name', CODECS)
@settings(max_examples=30, deadline=None)
@given(
    point=st.tuples(*[st.floats(-1e9, 1e9) | st.floats(-60, 320)] * 2),
    visible=st.sampled_from([0.0, 1.0]),
)
def test_any_keypoint_is_drawn_finitely_and_weighted_only_if_labelled(name, point, visible):
    encoded = build(name).encode([[point]], [[visible]])
    assert np.isfinite(encoded['heatmaps']).all()
    weight = encoded['keypoint_weights'][0, 0]
    assert weight in (0, visible)
    if weight == 0:
        assert not encoded['heatmaps'].any()


@pytest.mark.parametrize('name', CODECS)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-12, 1.0, 1e6, 1e30]))
def test_any_finite_map_decodes_to_finite_numbers(name, seed, scale):
    codec = build(name, heatmap_size=(12, 16), input_size=(48, 64))
    shape = (2, 3 * codec.channels_per_keypoint, 16, 12)
    maps = np.random.default_rng(seed).normal(size=shape) * scale
    keypoints, scores = codec.batch_decode(maps)
    assert keypoints.shape == (2, 3, 2)
    assert scores.shape == (2, 3)
    assert keypoints.dtype == scores.dtype == np.float32
    assert np.isfinite(keypoints).all()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize('name', CODECS)
def test_a_batch_decodes_like_its_samples(name):
    codec = build(name)
    channels = 5 * codec.channels_per_keypoint
    maps = np.random.default_rng(0).random((3, channels, 64, 48)).astype(np.float32)
    keypoints, scores = codec.batch_decode(maps)
    for index in range(3):
        alone, alone_scores = codec.decode(maps[index])
        np.testing.assert_allclose(alone[0], keypoints[index], atol=1e-3)
        np.testing.assert_allclose(alone_scores[0], scores[index], atol=1e-6)


@pytest.mark.parametrize('name', ['quarter', 'dark', 'udp', 'combined'])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_a_map_that_is_not_finite_gives_no_keypoint_and_leaves_the_others(name, value):
    codec = build(name)
    encoded = codec.encode([[[40.0, 50.0], [80.0, 90.0]]])['heatmaps']
    broken = encoded.copy()
    broken[codec.channels_per_keypoint, 3, 4] = value
    keypoints, scores = codec.decode(broken)
    np.testing.assert_allclose(keypoints[0, 1], -codec.stride, rtol=1e-6)
    assert scores[0, 1] == 0
    np.testing.assert_array_equal(keypoints[0, 0], codec.decode(encoded)[0][0, 0])


@pytest.mark.parametrize('name', ['quarter', 'dark', 'udp', 'combined'])
@pytest.mark.parametrize('value', [0.0, -0.5])
def test_a_map_without_positive_value_decodes_to_cell_minus_one(name, value):
    codec = build(name)
    maps = np.full((codec.channels_per_keypoint, 64, 48), value)
    keypoints, scores = codec.decode(maps)
    np.testing.assert_allclose(keypoints[0, 0], -codec.stride, rtol=1e-6)
    assert scores[0, 0] == pytest.approx(value)


@pytest.mark.parametrize('name', CODECS)
def test_a_keypoint_that_is_not_finite_counts_as_unlabelled(name):
    encoded = build(name).encode([[[np.nan, 3.0], [np.inf, 3.0], [60.0, 60.0]]])
    assert encoded['keypoint_weights'].tolist() == [[0, 0, 1]]
    assert np.isfinite(encoded['heatmaps']).all()


def test_encoding_leaves_its_arguments_alone():
    keypoints, visible = np.full((1, 2, 2), -900.0), np.ones((1, 2), dtype=np.float32)
    build('quarter').encode(keypoints, visible)
    assert (keypoints == -900).all()
    assert (visible == 1).all()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: MSRAHeatmap((192, 256, 3), HEATMAP), r'input_size must be \(width, height\)'),
        (lambda: MSRAHeatmap((192, 256), (48.5, 64)), 'heatmap_size must be'),
        (lambda: MSRAHeatmap((192, 0), HEATMAP), 'input_size must be'),
        (lambda: MSRAHeatmap(INPUT, HEATMAP, sigma=0), 'sigma must be greater than 0'),
        (
            lambda: MSRAHeatmap(INPUT, HEATMAP, blur_kernel_size=10),
            'blur_kernel_size must be an odd',
        ),
        (lambda: MSRAHeatmap(INPUT, HEATMAP, generation='2.x'), 'generation must be one of'),
        (lambda: UDPHeatmap(INPUT, HEATMAP, heatmap_type='offset'), 'heatmap_type must be one of'),
        (lambda: UDPHeatmap(INPUT, (48, 1)), 'at least 2 along both axes'),
        (lambda: MegviiHeatmap(INPUT, HEATMAP, kernel_size=-3), 'kernel_size must be an odd'),
        (
            lambda: build('quarter').encode(np.zeros((2, 5, 2))),
            r'keypoints must have shape \(1, \*',
        ),
        (lambda: build('quarter').encode(np.zeros((1, 5, 3))), 'keypoints must have shape'),
        (
            lambda: build('quarter').encode(np.zeros((1, 5, 2)), np.ones((1, 4))),
            'keypoints_visible must have shape',
        ),
        (
            lambda: build('quarter').decode(np.zeros((5, 48, 64))),
            r'heatmaps must have shape .*64, 48',
        ),
        (lambda: build('combined').decode(np.zeros((5, 64, 48))), '3 channels per keypoint'),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
