"""Crops, targets and decoded keypoints against recordings of HRNet's code base."""

import json

import numpy as np
import pytest
import torch

from posenas.codecs import MSRAHeatmap, flip_heatmaps, pose_pck_accuracy
from posenas.datasets.transforms import GetBBoxCenterScale, RandomFlip, TopdownAffine
from posenas.geometry import bbox_xywh2xyxy, crop_to_image, fix_aspect_ratio, get_warp_matrix
from posenas.skeletons import COCO

SIZES = ('192x256', '288x384', '256x256')


@pytest.fixture(scope='module')
def arrays(golden_dir):
    return dict(np.load(golden_dir / 'fpd' / 'pipeline' / 'arrays.npz'))


def input_size(size):
    return tuple(map(int, size.split('x')))


def codec_of(size):
    width, height = input_size(size)
    sigma = 3 if size == '288x384' else 2
    return MSRAHeatmap((width, height), (width // 4, height // 4), sigma, generation='hrnet')


def decode(maps, size, arrays):
    """Decode maps (B, K, H, W) to image pixels (B, K, 2)."""
    joints, scores = codec_of(size).batch_decode(maps)
    crops = zip(arrays[f'{size}/center'], arrays[f'{size}/scale'], strict=True)
    image = [
        crop_to_image(points, get_warp_matrix(center, 200 * scale, 0, input_size(size)))
        for points, (center, scale) in zip(joints, crops, strict=False)
    ]
    return np.array(image), scores


@pytest.mark.parametrize('size', SIZES)
def test_boxes_give_the_recorded_crops(arrays, size):
    width, height = input_size(size)
    for box, center, scale in zip(
        *(arrays[f'{size}/{name}'] for name in ('box_xywh', 'center', 'scale')), strict=True
    ):
        results = GetBBoxCenterScale()(dict(bbox=bbox_xywh2xyxy(box[None])))
        ours = fix_aspect_ratio(results['bbox_scale'], width / height) / 200
        np.testing.assert_allclose(results['bbox_center'][0], center, rtol=1e-6)
        np.testing.assert_allclose(ours[0], scale, rtol=1e-6)


@pytest.mark.parametrize('size', SIZES)
def test_flip_scale_and_rotation_give_the_recorded_joints(arrays, size):
    names = ('joints', 'joints_vis', 'flip', 'scale_multiplier', 'rotation', 'matrix', 'out_joints')
    rows = zip(*(arrays[f'{size}/{name}'] for name in names), strict=True)
    for i, (joints, visible, flip, factor, rotation, matrix, out_joints) in enumerate(rows):
        results = dict(
            img=np.zeros((10, int(arrays[f'{size}/image_width']), 3), np.uint8),
            bbox=np.zeros((1, 4)),
            bbox_center=arrays[f'{size}/center'][i, None].astype(np.float64),
            bbox_scale=arrays[f'{size}/scale'][i, None] * 200 * factor,
            bbox_rotation=np.array([rotation]),
            keypoints=joints[None],
            keypoints_visible=visible[None],
            flip_indices=list(COCO.flip_indices),
            rng=np.random.default_rng(0),
        )
        results = TopdownAffine(input_size(size))(RandomFlip(prob=float(flip))(results))
        np.testing.assert_allclose(results['warp_mat'], matrix, atol=2e-3)
        shown = results['keypoints_visible'][0] > 0
        np.testing.assert_array_equal(shown, arrays[f'{size}/out_vis'][i] > 0)
        ours = results['transformed_keypoints'][0]
        # the original leaves keypoints without label where they are, and never looks at them again
        np.testing.assert_allclose(ours[shown], out_joints[shown], atol=2e-3)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('kind', ['out', 'border'])
def test_targets_are_the_recorded_ones(arrays, size, kind):
    prefix = f'{size}/' if kind == 'out' else f'{size}/border_'
    points = arrays[f'{size}/{kind}_joints']
    levels = arrays[f'{size}/out_vis'] if kind == 'out' else np.ones(points.shape[:2])
    weights = arrays[f'{prefix}target_weight' if kind == 'out' else f'{prefix}weight']
    for joints, visible, target, weight in zip(
        points, levels, arrays[f'{prefix}target'], weights, strict=True
    ):
        encoded = codec_of(size).encode(joints[None], visible[None])
        np.testing.assert_allclose(encoded['heatmaps'], target, atol=1e-6)
        np.testing.assert_array_equal(encoded['keypoint_weights'][0], weight[:, 0])


@pytest.mark.parametrize('size', SIZES)
def test_maps_give_the_recorded_joints(arrays, size):
    maps, expected = arrays[f'{size}/heatmaps'], arrays[f'{size}/preds_post_process_True']
    joints, scores = decode(maps, size, arrays)
    np.testing.assert_allclose(joints, expected, atol=1e-3)
    np.testing.assert_array_equal(scores, arrays[f'{size}/maxvals'][..., 0])
    assert (scores <= 0).any() or size != '192x256'


@pytest.mark.parametrize('size', SIZES)
def test_the_mean_with_mirrored_maps_gives_the_recorded_joints(arrays, size):
    maps = torch.from_numpy(arrays[f'{size}/heatmaps'])
    flipped = flip_heatmaps(
        maps.flip(1), flip_mode='heatmap', flip_indices=COCO.flip_indices, shift_heatmap=True
    )
    mean = ((maps + flipped) * 0.5).numpy()
    joints, scores = decode(mean, size, arrays)
    np.testing.assert_allclose(joints, arrays[f'{size}/flip_preds'], atol=1e-3)
    np.testing.assert_allclose(scores, arrays[f'{size}/flip_maxvals'][..., 0], rtol=1e-6)
    means = np.abs(mean).mean(axis=(2, 3))
    np.testing.assert_allclose(means, arrays[f'{size}/flip_average_mean_abs'], rtol=1e-5)


@pytest.mark.parametrize('size', SIZES)
def test_training_accuracy_is_the_recorded_one(arrays, golden_dir, size):
    content = json.loads((golden_dir / 'fpd' / 'pipeline' / 'expected.json').read_text())
    expected = content['heatmap_accuracy'][size]
    target, shifts = arrays[f'{size}/target'], arrays[f'{size}/accuracy_shift_xy']
    output = np.zeros_like(target)
    for i, j in np.ndindex(*target.shape[:2]):
        output[i, j] = np.roll(target[i, j], shifts[i, j, ::-1], axis=(0, 1))
    # the original counts a sample if the maximum of its target lies beyond the second cell
    places = target.reshape(*target.shape[:2], -1).argmax(axis=2)
    mask = (places % target.shape[3] > 1) & (places // target.shape[3] > 1)
    per_joint, mean, count = pose_pck_accuracy(output, target, mask, thr=0.05)
    np.testing.assert_allclose(per_joint, expected['per_joint'], rtol=1e-6)
    assert (mean, count) == (pytest.approx(expected['avg'], rel=1e-6), expected['count'])
