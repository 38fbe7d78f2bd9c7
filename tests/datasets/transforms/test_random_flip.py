import numpy as np
import pytest

from posenas.datasets.transforms import RandomFlip

KEYS = ('img', 'bbox', 'bbox_center', 'keypoints', 'keypoints_visible')


def test_flipping_twice_changes_nothing(sample):
    results, flip = sample(visible=[1, 5, 7]), RandomFlip(prob=1)
    before = {key: results[key].copy() for key in KEYS}
    flip(results)
    assert results['flip'] is True
    assert not np.array_equal(results['keypoints'], before['keypoints'])
    flip(results)
    for key in KEYS:
        np.testing.assert_allclose(results[key], before[key], atol=1e-4)


def test_pixels_and_joints_move_together(sample):
    results = sample(visible=[5])
    x, y = results['keypoints'][0, 5].astype(int)
    color = results['img'][y, x].copy()
    results['keypoints'][0, 5] = x, y
    RandomFlip(prob=1)(results)
    assert results['keypoints_visible'][0].nonzero()[0].tolist() == [6]
    x, y = results['keypoints'][0, 6].astype(int)
    assert results['img'][y, x].tolist() == color.tolist()


def test_nothing_moves_without_a_flip(sample):
    results = RandomFlip(prob=0)(sample())
    assert results['flip'] is False
    assert results['bbox_center'].tolist() == [[50, 90]]


def test_flips_are_as_frequent_as_asked(sample):
    flips = [RandomFlip(prob=0.3)(sample(seed))['flip'] for seed in range(400)]
    assert np.mean(flips) == pytest.approx(0.3, abs=0.08)


@pytest.mark.parametrize('kwargs', [dict(direction='vertical'), dict(prob=1.5)])
def test_meaningless_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match='must'):
        RandomFlip(**kwargs)
