import numpy as np
import pytest

from posenas.datasets.transforms import GenerateTarget, TopdownAffine
from posenas.geometry import crop_to_image
from posenas.registry import KEYPOINT_CODECS
from posenas.skeletons import COCO
from posenas.utils.errors import ConfigError

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)


@pytest.fixture
def crop(sample):
    return TopdownAffine(input_size=(48, 64))(sample())


def test_the_codec_draws_the_targets(crop):
    results = GenerateTarget(encoder=CODEC)(crop)
    expected = KEYPOINT_CODECS.build(CODEC).encode(
        crop['transformed_keypoints'], crop['keypoints_visible']
    )
    for key, value in expected.items():
        np.testing.assert_array_equal(results[key], value)


@pytest.mark.parametrize(
    ('codec', 'error'),
    [
        (dict(type='MSRAHeatmap', unbiased=True), 0.1),
        (dict(type='MSRAHeatmap'), 2.5),
        (dict(type='UDPHeatmap'), 0.1),
        (dict(type='UDPHeatmap', heatmap_type='combined'), 0.1),
        (dict(type='MegviiHeatmap', kernel_size=11), 3.5),
        (dict(type='PNFSHeatmap'), 2.5),
    ],
)
@pytest.mark.parametrize('rotation', [0, 40])
def test_what_a_codec_draws_it_finds_in_the_image(sample, codec, error, rotation):
    codec = dict(codec, input_size=(192, 256), heatmap_size=(48, 64))
    results = dict(sample(), bbox_rotation=np.array([rotation], np.float32))
    is_udp = codec['type'] == 'UDPHeatmap'
    results = TopdownAffine(codec['input_size'], use_udp=is_udp)(results)
    results = GenerateTarget(encoder=codec)(results)
    found, _ = KEYPOINT_CODECS.build(codec).decode(results['heatmaps'])
    found = crop_to_image(found, results['warp_mat'])
    # no refinement reaches the two cells at the border
    last = np.array([191, 255])
    points = results['transformed_keypoints']
    inside = ((points > 12) & (points < last - 12)).all(axis=-1)
    assert inside.sum() > 8
    assert np.abs(found - results['keypoints'])[inside].max() < error


def test_joint_weights_multiply_on_request(crop):
    plain = GenerateTarget(encoder=CODEC)(dict(crop))['keypoint_weights']
    weighted = GenerateTarget(encoder=CODEC, use_dataset_keypoint_weights=True)(dict(crop))
    np.testing.assert_allclose(
        weighted['keypoint_weights'], plain * crop['dataset_keypoint_weights']
    )


def test_joint_weights_of_coco_give_the_recorded_weights(golden_dir):
    recorded = np.load(golden_dir / 'pipeline' / 'targets.npz')
    np.testing.assert_allclose(COCO.joint_weights, recorded['joint_weights'].ravel())
    encoder = dict(CODEC, input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
    transform = GenerateTarget(encoder=encoder, use_dataset_keypoint_weights=True)
    for index, wanted in enumerate(recorded['v0_msra_weight_joint']):
        person = dict(
            transformed_keypoints=recorded['joints'][index, None, :, :2],
            keypoints_visible=recorded['visible'][index, None, :, 0],
            dataset_keypoint_weights=np.array(COCO.joint_weights, np.float32),
        )
        np.testing.assert_allclose(transform(person)['keypoint_weights'][0], wanted[:, 0])


def test_each_level_has_its_target(crop):
    results = GenerateTarget(encoder=[CODEC, dict(CODEC, sigma=2)], multilevel=True)(crop)
    first, second = results['heatmaps']
    assert first.shape == second.shape
    assert second.sum() > first.sum()
    assert len(results['keypoint_weights']) == 2


@pytest.mark.parametrize(
    'kwargs', [dict(encoder=[CODEC]), dict(encoder=CODEC, multilevel=True)], ids=['list', 'dict']
)
def test_levels_and_list_go_together(kwargs):
    with pytest.raises(ConfigError, match='multilevel'):
        GenerateTarget(**kwargs)


def test_a_codec_for_another_crop_is_refused(crop):
    with pytest.raises(ConfigError, match=r'\(48, 64\), got \(96, 128\)'):
        GenerateTarget(encoder=dict(CODEC, input_size=(96, 128)))(crop)
