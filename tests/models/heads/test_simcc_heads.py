"""Heads of coordinate classification: learning, decoding, flip test, wrong sizes."""

import numpy as np
import pytest
import torch
from models.family_configs import draw_batch
from torch.utils.data import DataLoader

from posenas.codecs import SimCCLabel
from posenas.datasets.synthetic import SyntheticSpec, build_synthetic
from posenas.models import SimCCHead
from posenas.registry import DATASETS, MODELS
from posenas.utils import ConfigError

SIZE = (48, 64)
CODEC = dict(type='SimCCLabel', input_size=SIZE, sigma=3.0, normalize=False)
RTMCC = dict(type='RTMCCHead', final_layer_kernel_size=7, gau_cfg=dict(hidden_dims=32, s=16))
#: Heads for features of 8 channels at stride 16.
HEADS = dict(
    rtmcc=RTMCC,
    plain=dict(type='SimCCHead', deconv_out_channels=None),
    deconv=dict(type='SimCCHead', deconv_out_channels=(8,), deconv_kernel_sizes=(4,)),
    vipnas=dict(
        type='SimCCHead',
        deconv_type='vipnas',
        deconv_out_channels=(8, 8),
        deconv_kernel_sizes=(4, 2),
        deconv_num_groups=(8, 4),
    ),
)


def build_model(head, **changes):
    size = dict(input_size=SIZE, in_featuremap_size=(3, 4), in_channels=8, out_channels=17)
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            data_preprocessor=dict(type='PoseDataPreprocessor', mean=[127.0] * 3, std=[64.0] * 3),
            backbone=dict(type='TinyConvNet', channels=(8, 8, 8, 8), out_indices=(3,)),
            head=size | dict(decoder=CODEC) | HEADS[head] | changes,
        )
    )
    model.init_weights()
    return model


@pytest.mark.parametrize('head', HEADS)
def test_a_head_gives_one_vector_for_each_axis(head):
    x, y = build_model(head)(torch.zeros(2, 3, 64, 48))
    assert (x.shape, y.shape) == ((2, 17, 96), (2, 17, 128))


def test_names_of_a_head_with_transposed_convolutions_are_the_published_ones():
    names = build_model('vipnas').head.state_dict().keys()
    assert {
        *('deconv_head.deconv_layers.0.weight', 'deconv_head.final_layer.bias'),
        *('mlp_head_x.weight', 'mlp_head_x.bias', 'mlp_head_y.weight', 'mlp_head_y.bias'),
    } <= set(names)
    assert {'final_layer.weight', 'mlp_head_x.bias'} <= set(build_model('plain').head.state_dict())


def test_one_epoch_on_synthetic_people_lowers_the_loss(tmp_path):
    build_synthetic(tmp_path, SyntheticSpec(num_images=24, seed=3))
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=SIZE),
        dict(type='GenerateTarget', encoder=CODEC),
        dict(type='PackPoseInputs'),
    ]
    dataset = DATASETS.build(
        dict(
            type='CocoDataset',
            data_root=str(tmp_path),
            ann_file='annotations/person_keypoints.json',
            data_prefix=dict(img='images/'),
            pipeline=pipeline,
        )
    )
    loss = dict(type='KLDiscretLoss', beta=10.0, label_softmax=True)
    model = build_model('rtmcc', loss=loss).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for samples in DataLoader(dataset, batch_size=3, shuffle=True, collate_fn=list):
        keys = ('inputs', 'data_samples')
        batch = model.data_preprocessor({k: [s[k] for s in samples] for k in keys}, training=True)
        found = model(**batch, mode='loss')
        losses.append(found['loss_kpt'])
        assert 0 <= found['acc_pose'] <= 1
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert torch.stack(losses[-3:]).mean() < 0.9 * torch.stack(losses[:3]).mean()


def answer(model, keypoints):
    """Let the head answer with the labels of keypoints (K, 2) for every image."""
    codec = SimCCLabel(**{key: value for key, value in CODEC.items() if key != 'type'})
    encoded = codec.encode(keypoints[None])
    vectors = [torch.from_numpy(encoded[f'keypoint_{axis}_labels']) for axis in 'xy']
    model.head.forward = lambda feats: tuple(v.repeat(len(feats[-1]), 1, 1) for v in vectors)


@pytest.mark.parametrize('flip_test', [False, True])
def test_predictions_are_carried_back_to_the_image(flip_test):
    model = build_model('plain').eval()
    keypoints = np.full((17, 2), (23.75, 30.0))  # the middle, where a mirrored crop has it too
    answer(model, keypoints)
    model.test_cfg.update(flip_test=flip_test, output_heatmaps=True)
    images, samples = draw_batch(model, 2, 64)
    for sample in samples:
        sample.set_metainfo(dict(warp_mat=((0.5, 0.0, 10.0), (0.0, 0.5, 0.0))))
    for sample in model(images, samples, mode='predict'):
        found = sample.pred_instances.keypoints[0]
        np.testing.assert_allclose(found, (keypoints - (10, 0)) * 2, atol=0.6)
        assert (sample.pred_instances.keypoint_scores > 0.9).all()
        fields = sample.pred_fields
        assert fields.heatmaps.shape == (17, 128, 96)
        assert fields.metainfo['heatmap_stride'] == (0.5, 0.5)


def test_a_codec_that_decodes_visibility_sets_it():
    model = build_model(
        'plain', decoder=dict(CODEC, decode_visibility=True, decode_beta=1.0)
    ).eval()
    answer(model, np.full((17, 2), 20.0))
    sample = model(*draw_batch(model, 1, 64), mode='predict')[0].pred_instances
    assert sample.keypoints_visible.shape == (1, 17)
    assert (sample.keypoints_visible < 0.5 * sample.keypoint_scores).all()


def test_what_does_not_fit_is_refused_with_what_to_set():
    model = build_model('rtmcc')
    with pytest.raises(ConfigError, match=r'built for features of \(3, 4\).*got \(4, 4\)'):
        model(torch.zeros(1, 3, 64, 64))
    images, samples = draw_batch(model, 2, 64)
    del samples[0].gt_instance_labels.keypoint_x_labels
    with pytest.raises(ConfigError, match="type='SimCCLabel'"):
        model(images, samples, mode='loss')
    other = build_model('plain', decoder=dict(CODEC, input_size=(192, 256))).eval()
    with pytest.raises(ConfigError, match=r'the decoder have \(17, 384\)'):
        other(*draw_batch(other, 1, 64), mode='predict')
    bare = build_model('plain', decoder=None).eval()
    with pytest.raises(ConfigError, match='must be set to predict'):
        bare(*draw_batch(bare, 1, 64), mode='predict')
    with pytest.raises(ValueError, match='one number'):
        SimCCHead([8, 8], 17, SIZE, (3, 4))
    with pytest.raises(ConfigError, match='gau_cfg must have keys'):
        build_model('rtmcc', gau_cfg=dict(hidden=3))


def test_a_distillation_of_heatmaps_refuses_vectors():
    size = dict(input_size=SIZE, in_featuremap_size=(3, 4), in_channels=8, out_channels=17)
    backbone = dict(type='TinyConvNet', channels=(8, 8, 8, 8), out_indices=(3,))
    student = dict(type='TopdownPoseEstimator', backbone=backbone, head=RTMCC | size)
    with pytest.raises(ConfigError, match='makes vectors of bins'):
        MODELS.build(dict(type='FPDDistiller', student=student))
