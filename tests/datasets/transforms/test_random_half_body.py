import json

import numpy as np
import pytest

from posenas.datasets.transforms import RandomHalfBody
from posenas.geometry import fix_aspect_ratio
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


def test_joints_in_one_place_keep_the_box(sample):
    results = sample()
    results['keypoints'][:] = 40
    RandomHalfBody(prob=1)(results)
    assert results['bbox_scale'].tolist() == [[75, 150]]


@pytest.mark.parametrize('size', ['192x256', '288x384', '256x256'])
def test_older_crops_are_the_recorded_ones(golden_dir, recorded_draws, size):
    folder = golden_dir / 'fpd' / 'pipeline'
    arrays = np.load(folder / 'arrays.npz')
    few = json.loads((folder / 'expected.json').read_text())['half_body_few'][size]
    joints, visible = arrays[f'{size}/joints'], arrays[f'{size}/joints_vis']
    recorded = arrays[f'{size}/half_body_center_scale']
    cases = [
        (joints[i], visible[i], draw, recorded[row, i])
        for row, draw in enumerate((0.2, 0.9))
        for i in range(len(joints))
    ]
    for case in few:
        levels = np.zeros(17)
        levels[case['visible']] = 1
        expected = np.full(4, np.nan) if case['result'] is None else case['result']
        cases.append((joints[0], levels, case['randn'], np.array(expected)))
    width, height = map(int, size.split('x'))
    for keypoints, levels, draw, expected in cases:
        results = dict(
            keypoints=keypoints[None],
            keypoints_visible=levels[None],
            upper_body_ids=UPPER,
            lower_body_ids=LOWER,
            bbox_center=np.full((1, 2), np.nan),
            bbox_scale=np.full((1, 2), np.nan),
            rng=recorded_draws(('random', 0.0), ('standard_normal', draw)),
        )
        RandomHalfBody(prob=1, min_total_keypoints=0, generation='hrnet')(results)
        scale = fix_aspect_ratio(results['bbox_scale'], width / height) / 200
        ours = np.concatenate([results['bbox_center'][0], scale[0]])
        np.testing.assert_allclose(ours, expected, rtol=1e-5)
