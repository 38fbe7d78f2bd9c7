"""Box, crop and keypoints against recordings of the published code."""

import json

import numpy as np
import pytest

from posenas.datasets.transforms import PNFSGetBox, PNFSTopdownAffine, TopdownAffine
from posenas.datasets.transforms.pnfs import enclose_keypoints, keypoints_inside
from posenas.geometry import (
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    bbox_xyxy2xywh,
    flip_keypoints,
    warp_points,
)
from posenas.skeletons import COCO


@pytest.fixture(scope='module')
def expected(golden_dir):
    return json.loads((golden_dir / 'pnfs' / 'pipeline' / 'expected.json').read_text())


def crop_of(bbox, margin=1.25, **more):
    """A sample whose box (left, top, width, height) became centre and scale."""
    corners = bbox_xywh2xyxy(np.array([bbox], np.float64))
    center, scale = bbox_xyxy2cs(corners, margin)
    return dict(
        img=np.random.default_rng(0).integers(0, 255, (400, 300, 3)).astype(np.uint8),
        bbox=corners,
        bbox_center=center,
        bbox_scale=scale,
        flip_indices=list(COCO.flip_indices),
        **more,
    )


def joints_sample(seed=0, **more):
    rng = np.random.default_rng(seed)
    return crop_of(
        (100, 50, 120, 260),
        keypoints=rng.uniform((60, 0), (260, 350), (1, 17, 2)),
        keypoints_visible=np.ones((1, 17), np.float32),
        keypoints_level=np.full((1, 17), 2, np.uint8),
        **more,
    )


def test_boxes_are_enclosed_as_recorded(expected):
    for record in expected['bbox_rectify']:
        joints = np.reshape(record['keypoints'], (1, -1, 3))
        results = PNFSGetBox()(
            dict(
                img=np.zeros((record['height'], record['width'], 3), np.uint8),
                bbox=bbox_xywh2xyxy(np.array([record['bbox']], np.float32)),
                keypoints=joints[..., :2].astype(np.float32),
                keypoints_visible=np.minimum(joints[..., 2], 1),
            )
        )
        np.testing.assert_array_equal(bbox_xyxy2xywh(results['bbox'])[0], record['result'])
        np.testing.assert_allclose(
            results['bbox_scale'][0], 1.25 * np.array(record['result'][2:]), rtol=1e-6
        )


def test_boxes_end_at_the_image():
    box = enclose_keypoints(np.array([2.0, 3, 9, 9]), np.array([[1.0, 95]]), (12, 98))
    assert box.tolist() == [0, 0, 12, 98]


def test_detected_boxes_become_whole_pixels():
    results = PNFSGetBox(padding=1)(
        dict(
            img=np.zeros((9, 9, 3), np.uint8),
            bbox=bbox_xywh2xyxy(np.array([[10.5, 20.25, 30.75, 40]])),
            keypoints=np.zeros((1, 17, 2)),
            keypoints_visible=np.zeros((1, 17)),
        )
    )
    assert bbox_xyxy2xywh(results['bbox']).tolist() == [[10, 20, 31, 41]]


def test_crops_are_the_recorded_ones(expected, recorded_draws):
    for record in expected['affine']:
        factor, rotation = record['scale'], record['rotation_deg']
        results = crop_of(record['bbox'], record['margin'])
        results['rng'] = recorded_draws(
            ('standard_normal', (factor - 1) / 0.5),
            ('random', 0.0),
            ('standard_normal', rotation / 45),
        )
        transform = PNFSTopdownAffine(
            record['input_size_wh'], scale_factor=(0.5, 1.5), rotate_factor=90
        )
        matrix = np.array(record['matrix'][:2])
        np.testing.assert_allclose(transform(results)['warp_mat'], matrix, rtol=1e-5, atol=1e-4)


def test_factors_and_rotations_are_clipped_as_published(recorded_draws):
    draws = [(0.5, 1.0, 1.15, 45), (2.0, 3.0, 1.3, 90), (-1.5, -2.5, 0.7, -90)]
    for scale_draw, rotate_draw, factor, rotation in draws:
        results = crop_of((100, 50, 120, 260))
        before = results['bbox_scale']
        results['rng'] = recorded_draws(
            ('standard_normal', scale_draw),
            ('random', 0.59),
            ('standard_normal', rotate_draw),
            ('random', 0.51),
        )
        transform = PNFSTopdownAffine(
            (288, 384), scale_factor=(0.7, 1.3), rotate_factor=90, flip_prob=0.5
        )
        results = transform(results)
        assert results['rng'].is_used_up
        assert results['flip'] is False
        assert results['bbox_rotation'][0] == pytest.approx(rotation)
        assert results['bbox_scale'][0, 1] == pytest.approx(before[0, 1] / factor)


def test_keypoints_are_warped_cut_and_dropped_as_recorded(expected):
    record = expected['keypoint_transform']
    joints = np.array(record['keypoints'], np.float64)
    size = tuple(record['input_size_wh'])
    warped = warp_points(joints[:, :2], np.array(record['matrix'][:2]))
    inside = keypoints_inside(warped, size) & (joints[:, 2] > 0)
    exact, whole = np.array(record['float_result']), np.array(record['original_integer_result'])
    np.testing.assert_array_equal(inside, exact[:, 2] > 0)
    np.testing.assert_allclose(warped[inside], exact[inside, :2], rtol=1e-12)
    np.testing.assert_array_equal(np.trunc(warped[inside]), whole[inside, :2])


def test_the_transform_drops_and_cuts_keypoints():
    results = PNFSTopdownAffine((288, 384), legacy_truncation=True)(joints_sample())
    exact = warp_points(results['keypoints'], results['warp_mat'])
    inside = keypoints_inside(exact, (288, 384))
    assert 0 < inside.sum() < 17
    np.testing.assert_array_equal(results['transformed_keypoints_visible'] > 0, inside)
    np.testing.assert_array_equal(results['transformed_keypoints'], np.trunc(exact))
    assert (results['keypoints_visible'] == 1).all()


def test_keypoints_are_mirrored_as_recorded(expected):
    record = expected['flip']
    joints = np.array(record['keypoints'])
    ours = flip_keypoints(joints[:, :2], record['width'], COCO.flip_indices)
    result = np.array(record['result'])
    np.testing.assert_array_equal(ours, result[:, :2])
    np.testing.assert_array_equal(joints[list(COCO.flip_indices), 2], result[:, 2])


def test_mirroring_happens_in_the_input(recorded_draws):
    size, joints = (96, 128), list(COCO.flip_indices)
    plain = PNFSTopdownAffine(size)(joints_sample())
    mirrored = PNFSTopdownAffine(size, flip_prob=0.5)(
        joints_sample(rng=recorded_draws(('random', 0.4)))
    )
    assert mirrored['flip'] is True
    np.testing.assert_array_equal(mirrored['img'], plain['img'][:, ::-1])
    expected = plain['transformed_keypoints'][:, joints]
    expected[..., 0] = 95 - expected[..., 0]
    np.testing.assert_allclose(mirrored['transformed_keypoints'], expected)
    ours = warp_points(mirrored['keypoints'], mirrored['warp_mat'].astype(np.float64))
    np.testing.assert_allclose(ours, mirrored['transformed_keypoints'], atol=1e-3)
    for key in ('keypoints_visible', 'keypoints_level', 'transformed_keypoints_visible'):
        np.testing.assert_array_equal(mirrored[key], plain[key][:, joints])


def test_cut_keypoints_are_cut_before_they_are_mirrored(recorded_draws):
    options = dict(input_size=(96, 128), legacy_truncation=True)
    plain = PNFSTopdownAffine(**options)(joints_sample())['transformed_keypoints']
    mirrored = PNFSTopdownAffine(**options, flip_prob=0.5)(
        joints_sample(rng=recorded_draws(('random', 0.4)))
    )['transformed_keypoints']
    np.testing.assert_array_equal(mirrored, flip_keypoints(plain, 96, COCO.flip_indices))


def test_without_augmentation_it_is_the_plain_crop():
    ours, plain = (
        step(crop_of((100, 50, 120, 260)))
        for step in (PNFSTopdownAffine((96, 128)), TopdownAffine((96, 128)))
    )
    for key in ('img', 'warp_mat', 'input_center', 'input_scale', 'bbox_scale'):
        np.testing.assert_array_equal(ours[key], plain[key])


@pytest.mark.parametrize(
    'options', [dict(scale_factor=(1.3, 0.7)), dict(rotate_prob=2), dict(flip_prob=-1)]
)
def test_meaningless_arguments_are_refused(options):
    with pytest.raises(ValueError, match='must'):
        PNFSTopdownAffine((96, 128), **options)
