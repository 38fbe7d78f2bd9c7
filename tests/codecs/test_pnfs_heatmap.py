"""Targets and decoding against recordings of the published code."""

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from posenas.codecs import PNFSHeatmap
from posenas.geometry import (
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    crop_to_image,
    fix_aspect_ratio,
    get_warp_matrix,
)


@pytest.fixture(scope='module')
def arrays(golden_dir):
    return dict(np.load(golden_dir / 'pnfs' / 'pipeline' / 'arrays.npz'))


@pytest.fixture(scope='module')
def expected(golden_dir):
    return json.loads((golden_dir / 'pnfs' / 'pipeline' / 'expected.json').read_text())


def encode(keypoints, sigma, **options):
    points = np.array(keypoints, np.float64)
    codec = PNFSHeatmap((288, 384), (72, 96), sigma, **options)
    encoded = codec.encode(points[None, :, :2], np.minimum(points[None, :, 2], 1))
    return encoded['heatmaps'], encoded['keypoint_weights'][0]


def test_targets_are_the_recorded_ones(arrays, expected):
    joints = expected['keypoint_transform']['original_integer_result']
    maps, weights = encode(joints, sigma=3)
    np.testing.assert_allclose(maps, arrays['target_sigma3'], atol=1e-6)
    np.testing.assert_array_equal(weights, expected['target']['weight'])


def test_targets_at_the_border_are_the_recorded_ones(arrays, expected):
    record = expected['target_border']
    maps, weights = encode(record['keypoints'], sigma=record['sigma'])
    np.testing.assert_allclose(maps, arrays['target_sigma2_border'], atol=1e-6)
    np.testing.assert_array_equal(weights, record['weight'])
    peaks = [np.unravel_index(m.argmax(), m.shape) for m in maps]
    np.testing.assert_array_equal(peaks, record['argmax_yx'])


@pytest.mark.parametrize('sigma', [0.7, 1.3, 2.0, 40.0])
def test_targets_are_filtered_impulses(sigma):
    cells = np.array([[0, 0], [11, 15], [5, 7], [3, 14]])
    codec = PNFSHeatmap((48, 64), (12, 16), sigma)
    maps = codec.encode(4.0 * cells[None] + 0.25)['heatmaps']
    for (x, y), ours in zip(cells, maps, strict=True):
        impulse = np.zeros((16, 12))
        impulse[y, x] = 1
        filtered = gaussian_filter(impulse, sigma, mode='nearest', truncate=4)
        np.testing.assert_allclose(ours, filtered / filtered.max(), atol=1e-6)


def test_truncation_takes_the_fraction_first():
    inside, cut = ([[5.9, 5.9, 2]], [[5.0, 5.0, 2]])
    plain, truncated = encode(inside, 2)[0], encode(inside, 2, legacy_truncation=True)[0]
    np.testing.assert_array_equal(truncated, encode(cut, 2)[0])
    shifted = encode([[6.5, 6.5, 2]], 2)[0]
    assert (encode([[6.5, 6.5, 2]], 2, legacy_truncation=True)[0] == shifted).all()
    assert (plain == truncated).all()  # both round to heatmap pixel 1
    assert (encode([[6.0, 6.0, 2]], 2)[0] != plain).any()


@pytest.mark.parametrize(
    ('point', 'weight'),
    [((0, 0), 1), ((287, 383), 1), ((-0.1, 5), 0), ((287.1, 5), 0), ((5, 383.1), 0), ((5, -40), 0)],
)
def test_keypoints_outside_the_crop_are_not_drawn(point, weight):
    maps, weights = encode([[*point, 2]], 2)
    assert weights.tolist() == [weight]
    assert maps.any() == bool(weight)


def test_maps_give_the_recorded_joints(arrays, expected):
    record, maps = expected['decode'], arrays['decode_heatmaps']
    width, height = record['input_size_wh']
    codec = PNFSHeatmap((width, height), (maps.shape[3], maps.shape[2]))
    joints, scores = codec.batch_decode(maps)
    np.testing.assert_allclose(joints, 4 * arrays['decode_coords'] + 0.5, rtol=1e-6)
    np.testing.assert_array_equal(scores, arrays['decode_maxval'])
    assert (scores <= 0).any()
    for box, points, image in zip(
        record['bboxes'], joints, arrays['decode_image_coords'], strict=True
    ):
        corners = bbox_xywh2xyxy(np.array([box], np.float64))
        center, scale = bbox_xyxy2cs(corners, record['margin'])
        scale = fix_aspect_ratio(scale, width / height)
        ours = crop_to_image(points, get_warp_matrix(center[0], scale[0], 0, (width, height)))
        np.testing.assert_allclose(ours, image[:, :2], rtol=1e-5, atol=1e-4)


def test_the_original_map_is_left_alone(arrays):
    before = arrays['decode_heatmaps'].copy()
    PNFSHeatmap((48, 64), (12, 16)).batch_decode(arrays['decode_heatmaps'])
    np.testing.assert_array_equal(arrays['decode_heatmaps'], before)


@pytest.mark.parametrize(
    ('point', 'weight'),
    [((0, 200), 1), ((100, 0), 1), ((287, 383), 1), ((-0.1, 200), 0), ((287.1, 200), 0)],
)
def test_a_keypoint_counts_from_the_first_pixel_to_the_last(point, weight):
    maps, weights = encode([(*point, 1)], sigma=2)
    assert weights.tolist() == [weight]
    assert (maps.max() > 0) == bool(weight)
