import numpy as np
import pytest

from posenas.datasets.transforms import RandomBBoxTransform


def _draw(sample, num=1500, **kwargs):
    """Offsets (num, 2) as fractions of the scale, scales (num,) and rotations (num,)."""
    transform = RandomBBoxTransform(**kwargs)
    results = [transform(sample(seed)) for seed in range(num)]
    offsets = [(r['bbox_center'][0] - [50, 90]) / [75, 150] for r in results]
    scales = [r['bbox_scale'][0] / [75, 150] for r in results]
    assert np.allclose(np.diff(scales, axis=1), 0, atol=1e-6)
    rotations = [r['bbox_rotation'][0] for r in results]
    return np.array(offsets), np.array(scales)[:, 0], np.array(rotations)


@pytest.fixture
def light(sample):
    """The sample without its image, which nothing here reads."""
    base = sample()
    base.pop('img')
    return lambda seed: {**base, 'rng': np.random.default_rng(seed)}


def test_newer_draws_are_normal_and_cut_at_one_deviation(light):
    offsets, scales, rotations = _draw(
        light, shift_prob=1, scale_factor=(0.75, 1.25), rotate_factor=60, rotate_prob=1
    )
    for values, middle, limit in ((offsets, 0, 0.16), (scales, 1, 0.25), (rotations, 0, 60)):
        unit = (values - middle) / limit
        assert np.abs(unit).max() <= 1 + 1e-6
        assert np.abs(unit).max() > 0.97
        assert unit.std() == pytest.approx(0.54, abs=0.02)
        assert unit.mean() == pytest.approx(0, abs=0.05)


def test_older_draws_are_normal_and_clipped(light):
    _, scales, rotations = _draw(
        light,
        shift_prob=0,
        scale_factor=(0.75, 1.25),
        rotate_factor=60,
        rotate_prob=1,
        distribution='clipped',
    )
    assert np.mean(np.isclose(scales, 0.75)) == pytest.approx(0.159, abs=0.03)
    assert np.mean(np.isclose(scales, 1.25)) == pytest.approx(0.159, abs=0.03)
    assert np.mean(np.abs(rotations) > 59.99) == pytest.approx(0.0455, abs=0.02)
    assert rotations.std() == pytest.approx(29.2, abs=1.5)


def test_each_change_is_as_frequent_as_asked(light):
    offsets, scales, rotations = _draw(light, num=800, scale_prob=0.5)
    assert np.mean(offsets[:, 0] != 0) == pytest.approx(0.3, abs=0.06)
    assert np.mean(scales != 1) == pytest.approx(0.5, abs=0.06)
    assert np.mean(rotations != 0) == pytest.approx(0.6, abs=0.06)


@pytest.mark.parametrize(
    'kwargs',
    [
        dict(scale_factor=(1.5, 0.5)),
        dict(scale_factor=(0, 1)),
        dict(rotate_prob=2),
        dict(distribution='uniform'),
    ],
)
def test_meaningless_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match='must'):
        RandomBBoxTransform(**kwargs)
