"""init_model and inference_topdown on a network whose answer is known."""

import cv2
import numpy as np
import pytest
import torch
from apis.spots import BOXES, PEOPLE, draw_spots
from mmengine.config import Config

from posenas.apis import inference_topdown, init_model
from posenas.structures import PoseDataSample
from posenas.utils import CheckpointError, ConfigError, DataError

#: Image pixels: a cell is 4 input pixels, of up to 2.2 image pixels here.
TOLERANCE = 8


@pytest.fixture(scope='module')
def model(spot_config, spot_checkpoint):
    return init_model(spot_config, spot_checkpoint, device='cpu')


def joints_of(samples):
    return np.concatenate([sample.pred_instances.keypoints for sample in samples])


def test_model_is_ready_to_predict_and_knows_its_joints(model):
    assert not model.training
    assert model.dataset_meta['dataset_name'] == 'spots'
    assert model.cfg.codec.input_size == (48, 64)
    assert model.backbone.gain.item() == 0.5
    assert next(model.parameters()).device.type == 'cpu'


@pytest.mark.parametrize('form', ['array', 'path', 'str'])
def test_joints_of_each_box_are_found_in_image_pixels(model, spot_image, tmp_path, form):
    path = tmp_path / 'spots.png'
    cv2.imwrite(str(path), spot_image)
    image = {'array': spot_image, 'path': path, 'str': str(path)}[form]
    samples = inference_topdown(model, image, BOXES)
    assert all(isinstance(sample, PoseDataSample) for sample in samples)
    assert np.abs(joints_of(samples) - PEOPLE).max() < TOLERANCE
    matrix = np.array(samples[0].warp_mat)  # of the box (15, 15, 75, 95), enlarged by a quarter
    np.testing.assert_allclose(matrix @ [45, 55, 1], [24, 32])
    assert matrix[0, 0] == matrix[1, 1] == pytest.approx(64 / 100)
    person = samples[1].pred_instances
    assert person.keypoints.shape == (1, 3, 2)
    assert person.keypoint_scores.shape == person.keypoints_visible.shape == (1, 3)
    np.testing.assert_array_equal(person.bboxes, BOXES[1:])
    np.testing.assert_array_equal(person.bbox_scores, [1])


def test_without_boxes_the_whole_image_is_one_person(model):
    image = draw_spots(PEOPLE[:1], size=(90, 120))
    samples = inference_topdown(model, image)
    assert len(samples) == 1
    assert np.abs(joints_of(samples) - PEOPLE[:1]).max() < TOLERANCE
    np.testing.assert_array_equal(samples[0].pred_instances.bboxes, [[0, 0, 90, 120]])


def test_boxes_by_corners_and_by_size_mean_the_same(model, spot_image):
    by_size = np.concatenate([BOXES[:, :2], BOXES[:, 2:] - BOXES[:, :2]], axis=1)
    given = inference_topdown(model, spot_image, by_size.tolist(), bbox_format='xywh')
    np.testing.assert_array_equal(
        joints_of(given), joints_of(inference_topdown(model, spot_image, BOXES))
    )


def test_scores_of_boxes_are_carried_along(model, spot_image):
    boxes = np.concatenate([BOXES, [[0.5], [0.25]]], axis=1)
    samples = inference_topdown(model, spot_image, boxes)
    assert [s.pred_instances.bbox_scores.item() for s in samples] == [0.5, 0.25]


def test_no_box_means_no_person(model, spot_image):
    assert inference_topdown(model, spot_image, []) == []
    assert inference_topdown(model, spot_image, np.zeros((0, 4))) == []


def test_several_images_share_batches_and_give_the_same_as_one_by_one(model, spot_image):
    sizes = []
    hook = model.backbone.register_forward_hook(lambda _, args, __: sizes.append(len(args[0])))
    images = [spot_image, spot_image[:, :100], spot_image]
    boxes = [BOXES, BOXES[:1], []]
    groups = inference_topdown(model, images, boxes, batch_size=2)
    hook.remove()
    assert sizes == [2, 2, 1, 1]  # three crops, each also mirrored
    assert [len(group) for group in groups] == [2, 1, 0]
    for image, given, group in zip(images, boxes, groups, strict=True):
        for alone, together in zip(inference_topdown(model, image, given), group, strict=True):
            np.testing.assert_allclose(
                together.pred_instances.keypoints, alone.pred_instances.keypoints, atol=1e-3
            )


def test_predicting_changes_neither_image_nor_boxes_and_keeps_no_graph(model, spot_image):
    image, boxes = spot_image.copy(), BOXES.copy()
    model.test_cfg['output_heatmaps'] = True
    samples = inference_topdown(model, image, boxes)
    model.test_cfg['output_heatmaps'] = False
    np.testing.assert_array_equal(image, spot_image)
    np.testing.assert_array_equal(boxes, BOXES)
    assert not samples[0].pred_fields.heatmaps.requires_grad


@pytest.mark.parametrize(
    ('bboxes', 'message'),
    [
        ([[10, 10, 10, 20]], 'wider and higher than 0'),
        ([[0, 0, 20, 20], [0, 0, np.nan, 20]], 'must be finite.*at 1'),
        ([[0, 0, 20]], r'shape \(N, 4\)'),
        ([0, 0, 20, 20], r'shape \(N, 4\)'),
        ([[0, 0, 'a', 20]], 'must be numbers'),
        ([[0, 0, 20, 20], [1]], 'must be numbers'),
    ],
)
def test_malformed_boxes_are_refused(model, spot_image, bboxes, message):
    with pytest.raises(DataError, match=message):
        inference_topdown(model, spot_image, bboxes)


def test_a_gray_image_is_one_of_equal_channels(model, spot_image):
    gray = spot_image[..., 0]
    made, same = (inference_topdown(model, i)[0] for i in (gray, np.stack([gray] * 3, -1)))
    np.testing.assert_array_equal(made.pred_instances.keypoints, same.pred_instances.keypoints)


@pytest.mark.parametrize(
    'image',
    [
        np.zeros((20, 20, 4), np.uint8),
        np.zeros((20, 20, 3), np.float32),
        np.zeros((0, 20, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_images_are_refused(model, image):
    with pytest.raises(DataError, match=r'shape \(H, W, 3\) and dtype uint8'):
        inference_topdown(model, image)


def test_missing_file_and_wrong_number_of_boxes_are_refused(model, tmp_path, spot_image):
    with pytest.raises(DataError, match=r'none\.jpg'):
        inference_topdown(model, tmp_path / 'none.jpg')
    with pytest.raises(DataError, match='one entry per image, 2, got 1'):
        inference_topdown(model, [spot_image, spot_image], [BOXES])


def test_options_replace_settings_of_file_and_loaded_config(spot_config):
    options = {'model.test_cfg.flip_test': False}
    for source in (spot_config, str(spot_config), Config.fromfile(spot_config)):
        assert init_model(source, device='cpu', cfg_options=options).test_cfg['flip_test'] is False
        assert init_model(source, device='cpu').test_cfg['flip_test'] is True


@pytest.mark.parametrize('prefix', ['', 'mmpose.'])
def test_a_loaded_config_of_mmpose_builds_our_classes_and_stays_as_it_is(spot_config, prefix):
    cfg = Config.fromfile(spot_config)
    cfg.default_scope, cfg.model.type = 'mmpose', prefix + cfg.model.type
    before = cfg.to_dict()
    assert type(init_model(cfg, device='cpu')).__name__ == cfg.model.type.removeprefix(prefix)
    assert cfg.to_dict() == before


def test_joints_come_from_the_checkpoint_where_it_knows_them(spot_config, tmp_path, model):
    meta = dict(model.dataset_meta, dataset_name='others')
    torch.save(
        {'state_dict': model.state_dict(), 'meta': {'dataset_meta': meta}}, tmp_path / 'a.pth'
    )
    loaded = init_model(spot_config, tmp_path / 'a.pth', device='cpu')
    assert loaded.dataset_meta == meta


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'test_dataloader.dataset.metainfo': dict(dataset_name='coco')}, '3 keypoints.*has 17'),
        ({'model.head.type': 'HeatmapHed'}, 'HeatmapHead'),
        ({'model.head.out_chanels': 3}, 'out_channels'),
        ({'model.head.decoder.sigma': 2}, 'codec'),
    ],
)
def test_configs_that_cannot_work_are_refused(spot_config, options, message):
    cfg = Config.fromfile(spot_config)
    if 'test_dataloader.dataset.metainfo' in options:
        cfg.test_dataloader.dataset.pop('metainfo')
    with pytest.raises(ConfigError, match=message):
        init_model(cfg, device='cpu', cfg_options=options)


def test_unknown_config_device_and_checkpoint_are_refused(spot_config, tmp_path):
    with pytest.raises(ConfigError, match='s_vipnas_res50_coco_256x192'):
        init_model('s_vipnas_res50_coco_256x193')
    with pytest.raises(ConfigError, match='device must exist'):
        init_model(spot_config, device='nonsense')
    with pytest.raises(CheckpointError, match=r'none\.pth'):
        init_model(spot_config, tmp_path / 'none.pth', device='cpu')


@pytest.mark.parametrize(
    'content', [{}, {'state_dict': {}}, {'meta': {}}, {'state_dict': {}, 'optimizer': {}}]
)
def test_a_checkpoint_without_weights_is_refused(spot_config, tmp_path, content):
    torch.save(content, tmp_path / 'empty.pth')
    with pytest.raises(CheckpointError):
        init_model(spot_config, tmp_path / 'empty.pth', device='cpu')


def test_many_people_of_several_images_keep_their_images(model):
    people = [np.resize(BOXES, (count, 4)) for count in (40, 0, 3)]
    groups = inference_topdown(model, [draw_spots()] * 3, people, batch_size=16)
    assert [len(group) for group in groups] == [40, 0, 3]


def test_parts_of_a_config_that_inference_does_not_use_are_not_checked(spot_config):
    options = dict(custom_hooks=[dict(type='HookOfAnotherProject')])
    assert init_model(spot_config, device='cpu', cfg_options=options)


def test_a_config_without_model_is_refused(tmp_path):
    path = tmp_path / 'empty.py'
    path.write_text('work_dir = "x"')
    with pytest.raises(ConfigError, match='must have a model'):
        init_model(path)


def test_a_config_without_test_pipeline_is_refused(model, spot_image):
    cfg, model.cfg = model.cfg, Config(dict(test_dataloader=dict(dataset=dict(pipeline=[]))))
    try:
        with pytest.raises(ConfigError, match='must start with LoadImage'):
            inference_topdown(model, spot_image)
    finally:
        model.cfg = cfg


def test_the_data_set_of_a_config_need_not_exist_where_its_keypoints_are_known(
    spot_config, spot_checkpoint, spot_image
):
    cfg = Config.fromfile(spot_config)
    cfg.test_dataloader.dataset.update(type='SetOfMyOwn', secret=1)
    model = init_model(cfg, spot_checkpoint, device='cpu')
    assert len(inference_topdown(model, spot_image, BOXES)) == 2
    del cfg.test_dataloader.dataset['metainfo']
    with pytest.raises(ConfigError, match="'SetOfMyOwn' must be registered to name the keypoints"):
        init_model(cfg, device='cpu')


def test_a_network_of_more_keypoints_predicts_those_that_are_asked_for(spot_config, spot_image):
    cfg = Config.fromfile(spot_config)
    cfg.model.head.update(out_channels=5, final_layer=dict(kernel_size=1))
    cfg.model.test_cfg.output_keypoint_indices = [4, 0, 2]
    samples = inference_topdown(init_model(cfg, device='cpu'), spot_image, BOXES)
    assert samples[0].pred_instances.keypoints.shape == (1, 3, 2)
    assert samples[0].metainfo['flip_indices'] == [0, 1, 2, 3, 4]
