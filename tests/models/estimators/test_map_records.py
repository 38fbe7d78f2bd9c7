"""Heatmaps survive their records of bytes."""

import numpy as np
import pytest

from posenas.codecs.gaussian import draw_gaussians
from posenas.models.estimators.map_records import MapFormat

SIZE = (24, 32)
FORMS = {'dense': None, 'windows': 6}
every_form = pytest.mark.parametrize('radius', FORMS.values(), ids=FORMS)


def peaks(centers, heights=1.0):
    maps = draw_gaussians(np.asarray(centers, float), SIZE, 2.0) * np.float32(heights)
    return maps


def round_trip(maps, radius):
    layout = MapFormat(maps.shape[1:], radius)
    records = layout.encode(maps)
    assert records.shape == (len(maps), layout.length)
    assert records.dtype == np.uint8
    return layout.decode(records)


@every_form
def test_peaks_return_with_place_and_height(radius):
    rng = np.random.default_rng(0)
    centers = rng.uniform((0, 0), SIZE, (40, 2))
    maps = peaks(centers).reshape(4, 10, *SIZE[::-1])
    restored = round_trip(maps, radius)
    np.testing.assert_allclose(restored, maps, atol=0.02)
    places = restored.reshape(40, -1).argmax(1)
    at_places = maps.reshape(40, -1)[np.arange(40), places]
    np.testing.assert_allclose(at_places, maps.max(axis=(2, 3)).ravel(), atol=0.01)
    np.testing.assert_allclose(restored.max(axis=(2, 3)), maps.max(axis=(2, 3)), rtol=1e-3)


def test_dense_records_keep_everything_to_a_five_hundredth_of_the_range():
    maps = np.random.default_rng(1).normal(0, 1, (3, 5, 32, 24)).astype(np.float32)
    restored = round_trip(maps, None)
    span = maps.max(axis=(2, 3)) - maps.min(axis=(2, 3))
    assert (np.abs(restored - maps).max(axis=(2, 3)) <= span / 500 + 4e-3).all()


def test_windows_keep_two_peaks_and_nothing_else():
    three = peaks([(3, 4), (20, 28), (20, 4)], [[[1.0]], [[0.6]], [[0.4]]]).sum(0)
    restored = round_trip(three[None, None], 6)[0, 0]
    expected = peaks([(3, 4), (20, 28)], [[[1.0]], [[0.6]]]).sum(0)
    np.testing.assert_allclose(restored, expected, atol=0.02)
    weak = peaks([(3, 4), (20, 28)], [[[1.0]], [[0.05]]]).sum(0)
    assert not round_trip(weak[None, None], 6)[0, 0, 20:].any()


@every_form
def test_flat_maps_return_flat(radius):
    assert not round_trip(np.zeros((2, 3, 32, 24), np.float32), radius).any()


def test_dense_records_of_records_are_nearly_the_same():
    maps = np.random.default_rng(2).uniform(0, 1, (2, 3, 32, 24)).astype(np.float32)
    once = round_trip(maps, None)
    np.testing.assert_allclose(round_trip(once, None), once, atol=5e-3)


def test_windows_are_small():
    coco = (17, 64, 48)
    assert MapFormat(coco).length == 17 * (64 * 48 + 4)
    assert MapFormat(coco, 6).length == 17 * 2 * (13 * 13 + 8)
