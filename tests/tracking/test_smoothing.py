"""Smooth keypoints that stay where they are."""

import numpy as np
import pytest

from posenas.tracking import JitterMeter, OneEuroSmoother, ZeroPhaseSmoother

TIMES = np.arange(60) / 25
#: A keypoint at rest and one that swings by a third of a box of 100 pixels, once a second.
TRUTH = np.stack(
    [np.tile([50.0, 20.0], (60, 1)), np.stack([30 * np.sin(2 * np.pi * TIMES), 5 * TIMES], 1)], 1
)  # (60, 2, 2)
NOISE = np.random.default_rng(0).normal(0, 1.5, TRUTH.shape)
SCORES = np.ones(2)


def smooth_online(points, scores=SCORES):
    smoother = OneEuroSmoother(25.0)
    return np.stack([smoother.smooth(0, i, p, scores, 100.0) for i, p in enumerate(points)])


def smooth_offline(points, scores=SCORES):
    smoother = ZeroPhaseSmoother()
    for frame, each in enumerate(points):
        smoother.add(0, frame, each, scores)
    return np.stack([smoother.smooth(0, frame) for frame in range(len(points))])


def jitter(points):
    meter = JitterMeter()
    for frame, each in enumerate(points):
        meter.add(0, frame, each, SCORES, 100.0)
    return meter.mean


@pytest.mark.parametrize(('smooth', 'less'), [(smooth_online, 0.8), (smooth_offline, 0.5)])
def test_jitter_falls_and_no_keypoint_is_further_from_the_truth(smooth, less):
    found = TRUTH + NOISE
    smoothed = smooth(found)
    assert jitter(smoothed) < less * jitter(found)
    errors = [np.linalg.norm(each - TRUTH, axis=-1).mean(0) for each in (smoothed, found)]
    assert errors[0][0] < errors[1][0]
    assert errors[0][1] < 1.15 * errors[1][1]


def test_offline_smoothing_has_no_delay_and_keeps_parabolas():
    parabola = np.stack([TIMES**2, 3 - TIMES], axis=1)[:, None] * 40
    np.testing.assert_allclose(smooth_offline(parabola, SCORES[:1]), parabola, atol=1e-8)


@pytest.mark.parametrize('smooth', [smooth_online, smooth_offline])
def test_keypoints_without_confidence_pass_unchanged(smooth):
    found = TRUTH + NOISE
    smoothed = smooth(found, np.array([0.1, 1.0]))
    np.testing.assert_array_equal(smoothed[:, 0], found[:, 0])
    assert (smoothed[5:, 1] != found[5:, 1]).any()


def test_jitter_is_the_acceleration_in_parts_of_the_box():
    swinging = np.array([[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 0.0]], [[1.0, 0.0]]])
    meter = JitterMeter()
    for frame, each in enumerate(swinging):
        meter.add('a', frame, each, np.ones(1), 100.0)
    assert meter.mean == pytest.approx(2.0)
    meter.add('a', 9, swinging[0], np.ones(1), 100.0)  # after a gap nothing is compared
    assert meter.mean == pytest.approx(2.0)
    assert np.isnan(JitterMeter().mean)
