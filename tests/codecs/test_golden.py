"""Targets and decoding of both generations against recorded outputs."""

import numpy as np
import pytest

from posenas.codecs import MegviiHeatmap, MSRAHeatmap, UDPHeatmap, find_maxima, pose_pck_accuracy
from posenas.geometry import crop_to_image, get_udp_warp_matrix, get_warp_matrix

INPUT, HEATMAP = (192, 256), (48, 64)


def build(name: str, generation: str):
    return {
        'msra': lambda: MSRAHeatmap(INPUT, HEATMAP, sigma=2, generation=generation),
        'msra_unbiased': lambda: MSRAHeatmap(
            INPUT, HEATMAP, sigma=2, unbiased=True, generation=generation
        ),
        'udp_gaussian': lambda: UDPHeatmap(INPUT, HEATMAP, generation=generation),
        'udp_combined': lambda: UDPHeatmap(INPUT, HEATMAP, 'combined', generation=generation),
        'megvii': lambda: MegviiHeatmap(INPUT, HEATMAP, kernel_size=11, generation=generation),
    }[name]()


@pytest.fixture(scope='module')
def targets(golden_dir):
    return dict(np.load(golden_dir / 'pipeline' / 'targets.npz'))


@pytest.fixture(scope='module')
def decoded(golden_dir):
    return dict(np.load(golden_dir / 'pipeline' / 'decode.npz'))


@pytest.mark.parametrize(
    ('generation', 'prefix', 'name'),
    [
        (generation, prefix, name)
        for generation, prefix in (('1.x', 'v1'), ('0.x', 'v0'))
        for name in ('msra', 'msra_unbiased', 'udp_gaussian', 'udp_combined', 'megvii')
        if (prefix, name) != ('v1', 'megvii')  # not recorded
    ],
)
def test_encode_draws_the_recorded_targets(targets, generation, prefix, name):
    codec = build(name, generation)
    for index in range(4):
        encoded = codec.encode(
            targets['joints'][index, None, :, :2], targets['visible'][index, None, :, 0]
        )
        wanted = targets[f'{prefix}_{name}'][index]
        # Recorded heatmaps peak at 255 in one case: 1e-5 of the peak.
        tolerance = 1e-5 * max(1.0, float(wanted.max()))
        np.testing.assert_allclose(encoded['heatmaps'], wanted, rtol=0, atol=tolerance)
        weights = targets[f'{prefix}_{name}_weight'][index].ravel()
        np.testing.assert_array_equal(encoded['keypoint_weights'][0], weights)


@pytest.mark.parametrize(
    ('generation', 'prefix', 'golden', 'name', 'heatmaps'),
    [
        ('1.x', 'v1', 'default', 'msra', 'heatmaps'),
        ('1.x', 'v1', 'edge_default', 'msra', 'heatmaps_edge'),
        ('1.x', 'v1', 'unbiased', 'msra_unbiased', 'heatmaps'),
        ('1.x', 'v1', 'udp', 'udp_gaussian', 'heatmaps'),
        ('1.x', 'v1', 'combined', 'udp_combined', 'heatmaps_combined'),
        ('0.x', 'v0', 'default', 'msra', 'heatmaps'),
        ('0.x', 'v0', 'edge_default', 'msra', 'heatmaps_edge'),
        ('0.x', 'v0', 'unbiased', 'msra_unbiased', 'heatmaps'),
        ('0.x', 'v0', 'megvii', 'megvii', 'heatmaps'),
        ('0.x', 'v0', 'udp', 'udp_gaussian', 'heatmaps'),
        ('0.x', 'v0', 'combined', 'udp_combined', 'heatmaps_combined'),
    ],
)
def test_decode_finds_the_recorded_keypoints(decoded, generation, prefix, golden, name, heatmaps):
    maps = decoded[heatmaps]
    before = maps.copy()
    keypoints, scores = build(name, generation).batch_decode(maps)
    np.testing.assert_array_equal(maps, before)
    is_udp = name.startswith('udp')
    get_matrix = get_udp_warp_matrix if is_udp else get_warp_matrix
    crops = zip(keypoints, decoded['center'], decoded['scale_v1'], strict=False)
    in_image = [crop_to_image(p, get_matrix(c, s, 0, INPUT)) for p, c, s in crops]
    np.testing.assert_allclose(in_image, decoded[f'{prefix}_{golden}'], rtol=0, atol=1e-3)
    if prefix == 'v1':
        # The original's UDP stretches keypoints by input / (input - 1), because its way back to
        # the image divides by the input's size; ours are pixels of the crop and need its matrix.
        shrink = np.subtract(INPUT, 1) / INPUT if is_udp else 1
        in_crop = decoded[f'v1_{golden}_input'] * shrink
        np.testing.assert_allclose(keypoints, in_crop, rtol=0, atol=1e-3)
        wanted = decoded[f'v1_{golden}_scores']
    else:
        wanted = decoded[f'v0_{golden}_maxvals'][..., 0]
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(('golden', 'maps'), [('none', 'heatmaps'), ('edge_none', 'heatmaps_edge')])
def test_maxima_without_refinement_are_the_recorded_ones(decoded, golden, maps):
    heatmaps = decoded[maps]
    cells, maxima = find_maxima(heatmaps.reshape(-1, *heatmaps.shape[2:]))
    cells = cells.reshape(*heatmaps.shape[:2], 2)
    crops = zip(cells.astype(float), decoded['center'], decoded['scale_v1'], strict=False)
    in_image = [crop_to_image(p, get_warp_matrix(c, s, 0, HEATMAP)) for p, c, s in crops]
    np.testing.assert_allclose(in_image, decoded[f'v0_{golden}'], rtol=0, atol=1e-3)
    if golden == 'none':
        np.testing.assert_array_equal(cells, decoded['v0_argmax'])
        np.testing.assert_array_equal(maxima, decoded['v0_none_maxvals'].ravel())


def test_training_accuracy_is_the_recorded_one(golden_dir):
    loss = np.load(golden_dir / 'pipeline' / 'loss.npz')
    accuracy, mean, count = pose_pck_accuracy(
        loss['output'], loss['target'], loss['weight_binary'] > 0, thr=0.05
    )
    np.testing.assert_allclose(accuracy, loss['v0_pck_acc'], rtol=0, atol=1e-12)
    assert mean == pytest.approx(float(loss['v0_pck_avg']), abs=1e-12)
    assert count == int(loss['v0_pck_cnt'])
