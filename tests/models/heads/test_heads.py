import numpy as np
import pytest
import torch

from posenas.models import BaseHeatmapHead, HeatmapHead, ViPNASHead

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2.0)
HEADS = {
    'heatmap': lambda **cfg: HeatmapHead(6, 17, (8,), (4,), **cfg),
    'vipnas': lambda **cfg: ViPNASHead(6, 17, (8,), (4,), (2,), **cfg),
    'pointwise': lambda **cfg: HeatmapHead(6, 17, None, None, **cfg),
}


class _Maps(BaseHeatmapHead):
    """Head whose heatmaps are the features themselves."""

    def forward(self, feats):
        return feats[-1]


def _maps_head(num_maps=17, codec=CODEC):
    return _Maps(num_maps, decoder=codec)


@pytest.mark.parametrize(('name', 'scale'), [('heatmap', 2), ('vipnas', 2), ('pointwise', 1)])
def test_heads_read_the_last_feature(name, scale):
    feats = (torch.zeros(2, 3, 9, 9), torch.zeros(2, 6, 8, 6))
    assert HEADS[name]()(feats).shape == (2, 17, 8 * scale, 6 * scale)


@pytest.mark.parametrize('name', HEADS)
def test_initialisation_is_narrow_also_for_transposed_convolutions(name):
    head = HEADS[name]()
    head.init_weights()
    kernels = [p for n, p in head.named_parameters() if p.ndim == 4]
    assert all(0 < k.abs().max() < 0.01 for k in kernels)


def test_extra_convolutions_stand_between_deconv_and_final_layer():
    head = ViPNASHead(
        6, 17, (8,), (4,), (2,), conv_out_channels=(10,), conv_kernel_sizes=(3,),
        final_layer=dict(kernel_size=3, padding=1),
    )  # fmt: skip
    assert head.conv_layers[0].weight.shape == (10, 8, 3, 3)
    assert head.final_layer.weight.shape == (17, 10, 3, 3)
    assert head((torch.zeros(1, 6, 4, 3),)).shape == (1, 17, 8, 6)


def test_perfect_maps_have_no_loss_and_full_accuracy(make_batch):
    _, samples = make_batch()
    targets = torch.stack([s.gt_fields.heatmaps for s in samples])
    losses = _maps_head().loss((targets,), samples)
    assert losses['loss_kpt'] == 0
    assert losses['acc_pose'] == 1


def test_loss_leaves_out_joints_without_weight(make_batch):
    _, samples = make_batch()
    targets = torch.stack([s.gt_fields.heatmaps for s in samples])
    maps = targets.clone()
    maps[:, 3] += 1
    for sample in samples:
        sample.gt_instance_labels.keypoint_weights[0, 3] = 0
    assert _maps_head().loss((maps,), samples)['loss_kpt'] == 0


def test_accuracy_can_be_left_out(make_batch):
    _, samples = make_batch()
    losses = _maps_head().loss((torch.zeros(2, 17, 16, 12),), samples, dict(compute_acc=False))
    assert set(losses) == {'loss_kpt'}


def test_predict_decodes_the_targets_to_the_joints(make_batch):
    _, samples = make_batch()
    targets = torch.stack([s.gt_fields.heatmaps for s in samples])
    instances, fields = _maps_head().predict((targets,), samples)
    assert fields is None
    for instance, sample in zip(instances, samples, strict=True):
        assert instance.keypoints.shape == (1, 17, 2)
        assert instance.keypoint_scores.shape == (1, 17)
        assert np.abs(instance.keypoints - sample.gt_instances.keypoints).max() <= 3.0


def test_flip_test_of_exactly_mirrored_features_changes_nothing(make_batch):
    _, samples = make_batch()
    maps = torch.stack([s.gt_fields.heatmaps for s in samples])
    mirrored = maps.flip(-1)[:, samples[0].flip_indices]
    plain, fields = _maps_head().predict((maps,), samples, dict(output_heatmaps=True))
    both, both_fields = _maps_head().predict(
        ((maps,), (mirrored,)), samples, dict(flip_test=True, output_heatmaps=True)
    )
    for a, b in zip(plain, both, strict=True):
        np.testing.assert_array_equal(a.keypoints, b.keypoints)
    for a, b in zip(fields, both_fields, strict=True):
        assert torch.equal(a.heatmaps, b.heatmaps)


def test_bfloat16_maps_are_decoded():
    instances, _ = _maps_head().predict((torch.rand(1, 17, 16, 12).bfloat16(),), [None])
    assert instances[0].keypoints.dtype == np.float32


def test_three_maps_per_joint_are_learned_and_logged(make_batch):
    codec = dict(CODEC, type='UDPHeatmap', heatmap_type='combined')
    head = _Maps(51, loss=dict(type='CombinedTargetMSELoss', use_target_weight=True), decoder=codec)
    _, samples = make_batch()
    for sample in samples:
        encoded = head.decoder.encode(sample.gt_instances.keypoints)
        sample.gt_fields.set_data(dict(heatmaps=torch.from_numpy(encoded['heatmaps'])))
    targets = torch.stack([s.gt_fields.heatmaps for s in samples])
    losses = head.loss((targets,), samples)
    assert losses['loss_kpt'] == 0
    assert losses['acc_pose'] == 1


def test_wrong_number_of_joints_is_named(make_batch):
    _, samples = make_batch(num_joints=14)
    with pytest.raises(ValueError, match=r'makes 17.*hold 14; set head\.out_channels=14'):
        _maps_head().loss((torch.zeros(2, 17, 16, 12),), samples)


@pytest.mark.parametrize('name', HEADS)
def test_a_feature_of_other_channels_is_named(name):
    with pytest.raises(ValueError, match=r'6 channels, got 4: set head\.in_channels=4'):
        HEADS[name]()((torch.zeros(1, 4, 4, 3),))


def test_wrong_size_names_both_sizes_and_the_codec(make_batch):
    _, samples = make_batch()
    pattern = r'network makes \(8, 16\).*have \(12, 16\).*heatmap_size=\(8, 16\)'
    with pytest.raises(ValueError, match=pattern):
        _maps_head().loss((torch.zeros(2, 17, 16, 8),), samples)
    with pytest.raises(ValueError, match=pattern.replace('have', 'the decoder have')):
        _maps_head().predict((torch.zeros(2, 17, 16, 8),), samples)


def test_prediction_without_a_decoder_says_what_is_missing():
    with pytest.raises(ValueError, match=r'head\.decoder must be set'):
        _maps_head(codec=None).predict((torch.zeros(2, 17, 16, 12),), [])
