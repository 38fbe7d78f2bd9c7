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
        generation='0.x',
    )
    assert np.mean(np.isclose(scales, 0.75)) == pytest.approx(0.159, abs=0.03)
    assert np.mean(np.isclose(scales, 1.25)) == pytest.approx(0.159, abs=0.03)
    assert np.mean(np.abs(rotations) > 59.99) == pytest.approx(0.0455, abs=0.02)
    assert rotations.std() == pytest.approx(29.2, abs=1.5)


@pytest.mark.parametrize('generation', ['0.x', 'hrnet'])
@pytest.mark.parametrize(
    ('scale_draw', 'rotate_draw', 'scale', 'rotation'),
    [
        (0.5, -0.5, 1 + 0.35 * 0.5, -22.5),
        (2.0, 1.5, 1.35, 67.5),
        (-3.0, -2.5, 0.65, -90),
    ],
)
def test_older_draws_follow_the_published_formulas(
    sample, recorded_draws, generation, scale_draw, rotate_draw, scale, rotation
):
    """HRNet on COCO, factors 0.35 and 45: clip(n f + 1, 1 - f, 1 + f), clip(n R, -2 R, 2 R)."""
    results = sample()
    results['rng'] = recorded_draws(
        ('random', 0.29),
        ('random', 0.75),
        ('random', 0.1),
        ('random', 0.99),
        ('standard_normal', scale_draw),
        ('random', 0.59),
        ('standard_normal', rotate_draw),
    )
    RandomBBoxTransform(
        scale_factor=(0.65, 1.35), rotate_factor=90, rotate_prob=0.6, generation=generation
    )(results)
    assert results['rng'].is_used_up
    # 0.4 (u - 0.5) of the box, which is 60 x 120 before padding by 1.25
    moved = [50 + 0.4 * 0.25 * 60, 90 - 0.4 * 0.4 * 120]
    np.testing.assert_allclose(results['bbox_center'][0], moved, rtol=1e-6)
    np.testing.assert_allclose(results['bbox_scale'][0], [75 * scale, 150 * scale], rtol=1e-6)
    np.testing.assert_allclose(results['bbox_rotation'], [rotation], rtol=1e-6)


def test_a_move_once_per_run_is_the_same_in_all_epochs(light):
    transform = RandomBBoxTransform(shift_prob=1, shift_once=True, generation='0.x')
    epochs = [transform({**light(epoch), 'run_seed': (3, 5)}) for epoch in range(3)]
    assert len({results['bbox_center'].tobytes() for results in epochs}) == 1
    assert len({results['bbox_scale'].tobytes() for results in epochs}) == 3
    other = transform({**light(0), 'run_seed': (3, 6)})
    assert (other['bbox_center'] != epochs[0]['bbox_center']).all()


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
        dict(generation='2.x'),
    ],
)
def test_meaningless_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match='must'):
        RandomBBoxTransform(**kwargs)
