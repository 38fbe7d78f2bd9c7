import numpy as np
import pytest

from posenas.datasets.transforms import RandomHalfBody
from posenas.skeletons import COCO

UPPER, LOWER = COCO.upper_body_ids, COCO.lower_body_ids


def _half(results):
    """Which half the crop was made of: 'upper', 'lower' or None."""
    visible = set(results['keypoints_visible'][0].nonzero()[0].tolist())
    for name, half in (('upper', UPPER), ('lower', LOWER)):
        joints = results['keypoints'][0, sorted(visible & set(half))]
        if len(joints) and np.allclose(results['bbox_center'][0], joints.mean(axis=0)):
            return name
    return None


def _shares(sample, visible, num=400, **kwargs):
    transform = RandomHalfBody(min_total_keypoints=1, prob=1, **kwargs)
    halves = [_half(transform(sample(seed, visible))) for seed in range(num)]
    return {name: halves.count(name) / num for name in ('upper', 'lower', None)}


def test_the_crop_is_the_padded_extent_of_one_half(sample):
    results = RandomHalfBody(prob=1, upper_prioritized_prob=1)(sample())
    joints = results['keypoints'][0, list(UPPER)]
    np.testing.assert_allclose(results['bbox_scale'][0], np.ptp(joints, axis=0) * 1.5)
    np.testing.assert_allclose(results['bbox_center'][0], joints.mean(axis=0))


@pytest.mark.parametrize(
    ('generation', 'upper', 'lower', 'expected'),
    [
        ('1.x', 11, 6, {'upper': 0.7, 'lower': 0.3, None: 0}),
        ('1.x', 2, 2, {'upper': 1, 'lower': 0, None: 0}),
        ('1.x', 1, 3, {'upper': 0, 'lower': 1, None: 0}),
        ('1.x', 1, 2, {'upper': 0, 'lower': 0, None: 1}),
        ('0.x', 11, 6, {'upper': 0.69, 'lower': 0.31, None: 0}),
        ('0.x', 2, 6, {'upper': 0, 'lower': 1, None: 0}),
        ('0.x', 2, 2, {'upper': 1, 'lower': 0, None: 0}),
        ('0.x', 11, 2, {'upper': 1, 'lower': 0, None: 0}),
        ('0.x', 1, 2, {'upper': 0, 'lower': 0, None: 1}),
    ],
)
def test_halves_are_chosen_as_each_generation_does(sample, generation, upper, lower, expected):
    visible = [*UPPER[:upper], *LOWER[:lower]]
    shares = _shares(sample, visible, generation=generation)
    assert shares == pytest.approx(expected, abs=0.07)


def test_persons_with_few_joints_keep_their_box(sample):
    results = RandomHalfBody(prob=1)(sample(visible=range(8)))
    assert results['bbox_center'].tolist() == [[50, 90]]


def test_crops_are_as_frequent_as_asked(sample):
    crops = [_half(RandomHalfBody(prob=0.3)(sample(seed))) for seed in range(400)]
    assert np.mean([crop is not None for crop in crops]) == pytest.approx(0.3, abs=0.08)


def test_joints_on_one_line_keep_the_box(sample):
    results = sample()
    results['keypoints'][..., 0] = 40
    RandomHalfBody(prob=1)(results)
    assert results['bbox_scale'].tolist() == [[75, 150]]
