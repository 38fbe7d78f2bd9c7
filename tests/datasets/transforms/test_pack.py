import numpy as np
import pytest
import torch

from posenas.datasets.transforms import GenerateTarget, PackPoseInputs, TopdownAffine

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)


@pytest.fixture
def ready(sample):
    crop = TopdownAffine(input_size=(48, 64))(sample())
    crop.update(id=7, img_id=3, img_path='a.jpg', bbox_score=np.ones(1, np.float32))
    return GenerateTarget(encoder=CODEC)(crop)


def test_inputs_are_the_planes_of_the_image(ready):
    inputs = PackPoseInputs()(ready)['inputs']
    assert inputs.is_contiguous()
    np.testing.assert_array_equal(inputs.numpy(), ready['img'].transpose(2, 0, 1))


@pytest.mark.parametrize('shape', [(5, 4), (5, 4, 1), (5, 4, 3), (5, 4, 6)])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_images_of_any_number_of_channels_are_packed(shape, dtype):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    inputs = PackPoseInputs()(dict(img=image))['inputs'].numpy()
    expected = image.reshape(5, 4, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(inputs, expected)
    assert inputs.dtype == dtype


def test_the_data_sample_holds_truth_target_and_metainfo(ready):
    sample = PackPoseInputs()(ready)['data_samples']
    assert set(sample.gt_instances.keys()) == {
        *('bboxes', 'bbox_scores', 'bbox_scales', 'keypoints', 'keypoints_visible')
    }
    assert torch.equal(sample.gt_fields.heatmaps, torch.from_numpy(ready['heatmaps']))
    assert sample.gt_fields.heatmap_stride == (4, 4)
    assert sample.gt_instance_labels.keypoint_weights.shape == (1, 17)
    assert (sample.id, sample.img_id, sample.img_path) == (7, 3, 'a.jpg')
    assert sample.input_size == (48, 64)
    assert 'rng' not in sample
    assert len(sample.gt_instances) == 1


def test_metainfo_is_what_was_asked_for_and_what_nobody_can_do_without(ready):
    ready['bad_sample'] = 'broken'
    sample = PackPoseInputs(meta_keys=('id', 'absent'))(ready)['data_samples']
    warp_mat = tuple(tuple(row) for row in ready['warp_mat'].tolist())
    assert sample.metainfo == dict(id=7, bad_sample='broken', warp_mat=warp_mat)


def test_joints_of_the_crop_are_packed_on_request(ready):
    instances = PackPoseInputs(pack_transformed=True)(ready)['data_samples'].gt_instances
    np.testing.assert_array_equal(instances.transformed_keypoints, ready['transformed_keypoints'])


def test_a_sample_without_target_has_none(ready):
    for key in ('heatmaps', 'keypoint_weights'):
        del ready[key]
    sample = PackPoseInputs()(ready)['data_samples']
    assert 'gt_fields' not in sample
    assert 'gt_instance_labels' not in sample


def test_levels_are_packed_as_lists(ready):
    GenerateTarget(encoder=[CODEC, CODEC], multilevel=True)(ready)
    sample = PackPoseInputs()(ready)['data_samples']
    assert [level.shape for level in sample.gt_fields.heatmaps] == [(17, 16, 12)] * 2
