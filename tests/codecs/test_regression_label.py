"""Coordinates as shares of the crop."""

import numpy as np
import pytest

from posenas.codecs import RegressionLabel, coordinate_accuracy

CODEC = RegressionLabel((192, 256))


def test_decode_inverts_encode_and_scores_by_the_deviation():
    points = np.array([[[0.0, 0.0], [192.0, 256.0], [50.5, 60.25]]])
    labels = CODEC.encode(points)['keypoint_labels']
    keypoints, scores = CODEC.decode(labels)
    np.testing.assert_allclose(keypoints, points, rtol=1e-6)
    assert (scores == 1).all()
    with_deviations = np.concatenate([labels, np.full((1, 3, 2), 0.25)], axis=2)
    np.testing.assert_allclose(CODEC.decode(with_deviations[0])[1], [[0.75] * 3])


def test_only_labelled_keypoints_inside_the_crop_count():
    points = [[[-1.0, 5.0], [5.0, 257.0], [np.nan, 5.0], [5.0, 5.0], [5.0, 5.0]]]
    encoded = CODEC.encode(points, [[1, 1, 1, 0.5, 2]])
    assert encoded['keypoint_weights'].tolist() == [[0, 0, 0, 0, 1]]
    assert np.isfinite(encoded['keypoint_labels']).all()


def test_a_keypoint_that_is_not_finite_has_score_0():
    keypoints, scores = CODEC.decode([[[np.nan, 0.5], [0.5, 0.5]]])
    assert keypoints[0].tolist() == [[0, 0], [96, 128]]
    assert scores.tolist() == [[0, 1]]


def test_mirrored_coordinates_are_those_of_the_mirrored_pixel():
    x = np.array([[[30 / 192, 0.5], [10 / 192, 0.2]]], np.float32)
    (flipped,) = CODEC.flip_back([x.copy()], [1, 0])
    np.testing.assert_allclose(flipped[0, :, 0] * 192, [191 - 10, 191 - 30], rtol=1e-5)
    np.testing.assert_allclose(flipped[0, :, 1], [0.2, 0.5])
    (unshifted,) = CODEC.flip_back([x.copy()], [1, 0], shift_coords=False)
    np.testing.assert_allclose(unshifted[0, :, 0] * 192, [192 - 10, 192 - 30], rtol=1e-5)


def test_accuracy_counts_keypoints_within_a_twentieth():
    target = np.full((1, 3, 2), 0.5)
    output = target + np.array([[0.04, 0], [0.04, 0.04], [0, 0]])
    assert coordinate_accuracy(output, target, [[1, 1, 0]]) == 0.5


@pytest.mark.parametrize('shape', [(1, 5), (1, 5, 3), (5,)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r'coordinates must have shape'):
        CODEC.decode(np.zeros(shape))
