import numpy as np
import pytest
import torch

from posenas.models import TopdownPoseEstimator
from posenas.registry import MODELS
from posenas.utils.errors import ConfigError

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2.0)


def _model(head=None, **cfg):
    base = dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(
            type='PoseDataPreprocessor', mean=[120.0] * 3, std=[60.0] * 3, bgr_to_rgb=True
        ),
        backbone=dict(type='TinyConvNet'),
        head=dict(
            type='HeatmapHead',
            in_channels=32,
            out_channels=17,
            deconv_out_channels=None,
            deconv_kernel_sizes=None,
            decoder=CODEC,
        )
        | (head or {}),
    )
    return MODELS.build(base | cfg)


def _data(model, batch, training=False):
    images, samples = batch
    return model.data_preprocessor(dict(inputs=images, data_samples=samples), training)


def test_tensor_mode_gives_maps():
    assert _model()(torch.zeros(2, 3, 64, 48)).shape == (2, 17, 16, 12)


def test_tensor_mode_without_a_head_gives_features():
    feats = TopdownPoseEstimator(dict(type='TinyConvNet'))(torch.zeros(2, 3, 64, 48))
    assert feats[0].shape == (2, 32, 16, 12)


def test_loss_mode_trains_every_parameter(make_batch):
    model = _model()
    losses = model(**_data(model, make_batch(), True), mode='loss')
    assert set(losses) == {'loss_kpt', 'acc_pose'}
    losses['loss_kpt'].backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_predictions_are_carried_from_crop_to_image(make_batch):
    model = _model(test_cfg=dict(output_heatmaps=True)).eval()
    batch = make_batch()
    samples = model.test_step(dict(inputs=batch[0], data_samples=batch[1]))
    for sample in samples:
        pred = sample.pred_instances
        expected, scores = model.head.decoder.decode(sample.pred_fields.heatmaps.numpy())
        # the crop (48, 64) shows (96, 128) image pixels around (100, 50)
        np.testing.assert_allclose(pred.keypoints, expected * 2 + [100 - 48, 50 - 64], rtol=1e-5)
        np.testing.assert_array_equal(pred.keypoint_scores, scores)
        np.testing.assert_array_equal(pred.keypoints_visible, scores)
        np.testing.assert_array_equal(pred.bboxes, [[0, 0, 200, 100]])
        np.testing.assert_array_equal(pred.bbox_scores, [0.5])


@pytest.mark.parametrize('codec', ['MSRAHeatmap', 'UDPHeatmap'])
def test_predictions_of_a_rotated_crop_go_back_by_the_inverse_of_its_matrix(make_batch, codec):
    model = _model(head=dict(decoder=dict(CODEC, type=codec)), test_cfg=dict(output_heatmaps=True))
    images, samples = make_batch(1)
    matrix = np.array([[0.3, -0.4, 7], [0.4, 0.3, -5]])
    samples[0].set_metainfo(dict(warp_mat=tuple(map(tuple, matrix.tolist()))))
    (sample,) = model.eval().test_step(dict(inputs=images, data_samples=samples))
    decoder, fields = model.head.decoder, sample.pred_fields
    in_crop = sample.pred_instances.keypoints @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(in_crop, decoder.decode(fields.heatmaps.numpy())[0], atol=1e-4)
    assert fields.heatmap_stride == tuple(decoder.stride.tolist())


def test_samples_without_the_matrix_of_their_crop_are_refused(make_batch):
    images, samples = make_batch(1)
    samples[0].pop('warp_mat')
    with pytest.raises(ConfigError, match=r'must have warp_mat.*crop by TopdownAffine'):
        _model().eval().test_step(dict(inputs=images, data_samples=samples))


def test_predictions_keep_the_joints_asked_for_in_their_order(make_batch):
    batch = make_batch()
    complete = _model().eval()
    cut = _model(test_cfg=dict(output_keypoint_indices=(5, 0, 16))).eval()
    cut.load_state_dict(complete.state_dict())
    expected = complete.test_step(dict(inputs=batch[0], data_samples=batch[1]))
    expected = [sample.pred_instances.clone() for sample in expected]
    found = cut.test_step(dict(inputs=batch[0], data_samples=batch[1]))
    for whole, sample in zip(expected, found, strict=True):
        pred = sample.pred_instances
        np.testing.assert_array_equal(pred.keypoints, whole.keypoints[:, [5, 0, 16]])
        np.testing.assert_array_equal(pred.keypoint_scores, whole.keypoint_scores[:, [5, 0, 16]])
        assert pred.keypoints_visible.shape == (1, 3)
    for missing in (17, -1):
        cut.test_cfg['output_keypoint_indices'] = (0, missing)
        with pytest.raises(ConfigError, match='must be of 0 to 16'):
            cut.test_step(dict(inputs=batch[0], data_samples=batch[1]))


def test_flip_test_is_blind_to_mirroring(make_batch):
    model = _model(test_cfg=dict(flip_test=True, output_heatmaps=True)).eval()
    images, samples = make_batch(1)
    maps = []
    for image in (images[0], images[0].flip(-1)):
        (sample,) = model.test_step(dict(inputs=[image], data_samples=[samples[0].clone()]))
        maps.append(sample.pred_fields.heatmaps)
    torch.testing.assert_close(maps[1], maps[0].flip(-1)[list(samples[0].flip_indices)])


def test_shift_moves_the_mirrored_maps_one_cell(make_batch):
    images, samples = make_batch(1)
    outputs = []
    for test_cfg in (
        dict(),
        dict(flip_test=True),
        dict(flip_test=True, shift_heatmap=True),
    ):
        torch.manual_seed(0)
        model = _model(test_cfg=dict(test_cfg, output_heatmaps=True)).eval()
        (sample,) = model.test_step(dict(inputs=images, data_samples=[samples[0].clone()]))
        outputs.append(sample.pred_fields.heatmaps)
    plain, averaged, shifted = outputs
    mirrored = 2 * averaged - plain
    torch.testing.assert_close(shifted[..., 1:], (plain[..., 1:] + mirrored[..., :-1]) / 2)
    torch.testing.assert_close(shifted[..., 0], averaged[..., 0])


def test_preprocessor_may_be_a_module_and_metainfo_is_carried():
    preprocessor = MODELS.build(dict(type='PoseDataPreprocessor'))
    model = _model(data_preprocessor=preprocessor, metainfo=dict(dataset_name='coco'))
    assert model.data_preprocessor is preprocessor
    assert model.metainfo == dict(dataset_name='coco')
    assert isinstance(model, TopdownPoseEstimator)


def test_neck_stands_between_backbone_and_head(make_batch):
    @MODELS.register_module(name='_HalvingNeck', force=True)
    class HalvingNeck(torch.nn.Module):
        def forward(self, feats):
            return tuple(f / 2 for f in feats)

    model = _model(neck=dict(type='_HalvingNeck')).eval()
    x = torch.randn(1, 3, 64, 48)
    torch.testing.assert_close(model.extract_feat(x)[0], model.backbone(x)[0] / 2)
    MODELS.module_dict.pop('_HalvingNeck')


def test_batch_of_one_that_batch_norm_cannot_train_names_the_fix(make_batch):
    model = _model(
        backbone=dict(type='TinyConvNet', channels=(4, 4, 4, 4, 4, 4), out_indices=(5,)),
        head=dict(in_channels=4),
    )
    _, samples = make_batch(1)
    with pytest.raises(ValueError, match=r'train_dataloader\.batch_size to 2 or more'):
        model(torch.zeros(1, 3, 64, 48), samples, mode='loss')


def test_batch_of_one_trains_where_maps_are_larger(make_batch):
    model = _model()
    assert model(**_data(model, make_batch(1), True), mode='loss')['loss_kpt'] > 0


def test_input_that_is_no_multiple_of_the_stride_runs_but_cannot_meet_its_targets(make_batch):
    model = _model()
    assert model(torch.zeros(1, 3, 62, 48)).shape == (1, 17, 16, 12)  # rounded up, no harm
    images, samples = make_batch(2, input_size=(48, 62), heatmap_size=(12, 15))
    with pytest.raises(ValueError, match=r'makes \(12, 16\).*have \(12, 15\).*multiple of'):
        model(**_data(model, (images, samples), True), mode='loss')


def test_unknown_modes_and_absent_heads_are_named():
    with pytest.raises(ValueError, match=r"mode must be one of .*got 'train'"):
        _model()(torch.zeros(1, 3, 64, 48), mode='train')
    with pytest.raises(ValueError, match="mode 'loss' needs a head"):
        TopdownPoseEstimator(dict(type='TinyConvNet'))(torch.zeros(1, 3, 64, 48), [], mode='loss')


def test_the_fused_form_predicts_the_same_from_one_joint_pass(make_batch):
    images, samples = make_batch()
    model = _model(test_cfg=dict(flip_test=True, output_heatmaps=True)).eval()
    data = dict(inputs=images, data_samples=samples)
    before = [sample.pred_fields.heatmaps.clone() for sample in model.test_step(data)]
    model.switch_to_deploy()
    passes = []
    model.backbone.register_forward_hook(lambda module, args, out: passes.append(len(args[0])))
    after = [sample.pred_fields.heatmaps for sample in model.test_step(data)]
    assert passes == [2 * len(images)]
    for heatmaps, expected in zip(after, before, strict=True):
        torch.testing.assert_close(heatmaps, expected)
