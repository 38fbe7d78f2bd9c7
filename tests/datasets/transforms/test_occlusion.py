import numpy as np
import pytest

from posenas.datasets.transforms import CoarseDropout, RandomJointOcclusion

SIZE = (60, 80)


def sample_of(points, levels=None, seed=0):
    points = np.array([points], np.float32)
    levels = np.full(points.shape[:2], 2, np.uint8) if levels is None else np.array([levels])
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    return dict(
        img=np.stack([columns, rows, np.zeros_like(rows)], axis=2).astype(np.uint8),
        transformed_keypoints=points,
        keypoints_visible=(levels > 0).astype(np.float32),
        keypoints_level=levels,
        rng=np.random.default_rng(seed),
    )


def changed(results):
    return (results['img'] != sample_of([[0, 0]])['img']).any(axis=2)


def test_a_patch_from_elsewhere_covers_the_joint():
    results = RandomJointOcclusion((0,), prob=1, patch_size=(9, 5))(sample_of([[30.6, 40.2]]))
    rows, columns = np.nonzero(changed(results))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (38, 42, 26, 34)
    patch = results['img'][38:43, 26:35].astype(int)
    steps = np.diff(patch[..., 0], axis=1), np.diff(patch[..., 1], axis=0)
    assert all((step == 1).all() for step in steps)  # a connected part of the picture


def test_a_joint_at_the_border_is_covered_as_far_as_the_image_goes():
    results = RandomJointOcclusion((0,), prob=1, patch_size=(9, 9))(sample_of([[1, 79]]))
    rows, columns = np.nonzero(changed(results))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (75, 79, 0, 5)


def test_only_visible_chosen_joints_are_covered():
    points = [[15, 15], [45, 15], [15, 60], [45, 60]]
    sample = sample_of(points, levels=[2, 1, 0, 2])
    results = RandomJointOcclusion((0, 1, 2), prob=1, patch_size=(5, 5))(sample)
    hit = changed(results)
    assert [bool(hit[y, x]) for x, y in points] == [True, False, False, False]
    sample = sample_of(points, levels=[2, 1, 0, 2])
    results = RandomJointOcclusion((0, 1, 2), prob=1, patch_size=(5, 5), min_level=1)(sample)
    hit = changed(results)
    assert [bool(hit[y, x]) for x, y in points] == [True, True, False, False]


def test_joints_that_left_the_input_are_left_alone():
    sample = sample_of([[15, 15], [200, 15]])
    sample['transformed_keypoints_visible'] = np.zeros((1, 2))
    assert not changed(RandomJointOcclusion((0, 1), prob=1)(sample)).any()
    sample = sample_of([[15, -1], [200, 15]])
    assert not changed(RandomJointOcclusion((0, 1), prob=1)(sample)).any()


def test_patches_that_contain_a_joint_are_not_used():
    grid = [[x, y] for x in range(0, 60, 4) for y in range(0, 80, 4)]
    for seed in range(20):
        results = RandomJointOcclusion((0,), prob=1, patch_size=(11, 11))(
            sample_of(grid, seed=seed)
        )
        assert not changed(results).any()


def test_samples_are_changed_as_often_as_asked():
    transform = RandomJointOcclusion((0,), prob=0.3, patch_size=(3, 3))
    results = [transform(sample_of([[30, 40]], seed=seed)) for seed in range(300)]
    assert np.mean([changed(r).any() for r in results]) == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize('size', [(4, 5), (5,), (0, 5)])
def test_patches_have_a_middle(size):
    with pytest.raises(ValueError, match='patch_size must be'):
        RandomJointOcclusion((0,), patch_size=size)


def test_patches_must_fit_the_input():
    with pytest.raises(ValueError, match='smaller than the input'):
        RandomJointOcclusion((0,), prob=1, patch_size=(61, 5))(sample_of([[3, 3]]))


@pytest.mark.parametrize(
    ('options', 'low', 'high'),
    [
        (dict(), (12, 16), (24, 32)),
        (dict(min_width=3, max_width=7, min_height=0.1, max_height=0.1), (3, 8), (7, 8)),
        (dict(max_width=500, min_width=500), (60, 16), (60, 32)),
    ],
)
def test_holes_have_the_size_asked_for(options, low, high):
    transform = CoarseDropout(prob=1, fill_value=255, **options)
    sizes = []
    for seed in range(60):
        rows, columns = np.nonzero(
            (transform(sample_of([[0, 0]], seed=seed))['img'] == 255).all(axis=2)
        )
        size = (np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert size[0] * size[1] == len(rows)
        sizes.append(size)
    assert np.min(sizes, axis=0).tolist() == list(low)
    assert np.max(sizes, axis=0).tolist() == list(high)


def test_holes_are_as_many_as_asked_and_the_source_stays():
    transform = CoarseDropout(3, 1, 1, 3, 1, 1, fill_value=(255, 254, 253), prob=1)
    sample = sample_of([[0, 0]])
    before = sample['img']
    copy = before.copy()
    filled = (transform(sample)['img'] == (255, 254, 253)).all(axis=2).sum()
    assert 1 <= filled <= 3
    np.testing.assert_array_equal(before, copy)


@pytest.mark.parametrize(
    'options',
    [
        dict(min_holes=2),
        dict(min_height=0.5),
        dict(max_width=30),
        dict(min_width=0.0),
        dict(prob=1.5),
    ],
)
def test_meaningless_holes_are_refused(options):
    with pytest.raises(ValueError, match='must'):
        CoarseDropout(**options)
