import numpy as np
import pytest

from posenas.datasets.transforms import TopdownAffine
from posenas.geometry import crop_to_image


@pytest.mark.parametrize('use_udp', [False, True])
@pytest.mark.parametrize('rotation', [0, 35])
def test_pixels_and_joints_move_together(sample, use_udp, rotation):
    results = sample()
    image = results['img']
    results['bbox_rotation'] = np.array([rotation], np.float32)
    TopdownAffine(input_size=(192, 256), use_udp=use_udp)(results)
    assert results['img'].shape == (256, 192, 3)
    inside = 0
    for (x, y), (u, v) in zip(
        results['keypoints'][0], results['transformed_keypoints'][0], strict=True
    ):
        if 1 <= u < 191 and 1 <= v < 255:
            inside += 1
            before = image[round(float(y)), round(float(x))].astype(int)
            after = results['img'][round(float(v)), round(float(u))].astype(int)
            assert np.abs(before - after).max() < 40
    assert inside > 8


@pytest.mark.parametrize('use_udp', [False, True])
def test_a_mirrored_view_is_cropped_like_a_mirrored_copy(sample, use_udp):
    crop = TopdownAffine(input_size=(192, 256), use_udp=use_udp)
    view, copied = sample(), sample()
    view['img'] = view['img'][:, ::-1]
    copied['img'] = np.ascontiguousarray(view['img'])
    for results in (view, copied):
        results['bbox_rotation'] = np.array([20], np.float32)
        crop(results)
    difference = view['img'].astype(int) - copied['img']
    assert np.abs(difference).max() <= 4
    assert np.abs(difference).mean() < 0.2
    np.testing.assert_array_equal(view['warp_mat'], copied['warp_mat'])


def test_the_crop_gets_the_aspect_ratio_of_the_input(sample):
    results = TopdownAffine(input_size=(192, 256))(sample())
    assert results['bbox_scale'].tolist() == [[112.5, 150]]
    assert results['input_scale'].tolist() == [112.5, 150]
    assert results['input_center'].tolist() == [50, 90]
    assert results['input_size'] == (192, 256)


@pytest.mark.parametrize('use_udp', [False, True])
def test_points_of_the_crop_return_to_the_image(sample, use_udp):
    results = sample()
    results['bbox_rotation'] = np.array([20], np.float32)
    TopdownAffine(input_size=(48, 64), use_udp=use_udp)(results)
    image_points = crop_to_image(results['transformed_keypoints'], results['warp_mat'])
    np.testing.assert_allclose(image_points, results['keypoints'], atol=1e-3)


def test_a_sample_without_joints_is_cropped(sample):
    results = sample()
    del results['keypoints']
    assert 'transformed_keypoints' not in TopdownAffine(input_size=(48, 64))(results)


def test_input_size_must_be_positive():
    with pytest.raises(ValueError, match='input_size'):
        TopdownAffine(input_size=(0, 4))
