import pytest
import torch

from posenas.models import PoseNASHead, StackedHourglassHead

CODEC = dict(type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=2.0)


def _head(**cfg):
    return StackedHourglassHead(17, decoder=CODEC, **cfg)


def _targets(samples):
    return torch.stack([sample.gt_fields.heatmaps for sample in samples])


@pytest.mark.parametrize(
    ('in_channels', 'num_stages'), [(6, 1), (6, 3), ((4, 8), 2), ((8, 4, 6), 3)]
)
def test_every_stage_has_its_own_convolution(in_channels, num_stages):
    head = PoseNASHead(in_channels, 16, num_stages)
    widths = [in_channels] * num_stages if isinstance(in_channels, int) else in_channels
    feats = [torch.randn(2, width, 4, 3) for width in widths]
    maps = head(feats)
    assert [name for name, _ in head.named_parameters()] == [
        f'final_layers.{s}.{leaf}' for s in range(num_stages) for leaf in ('weight', 'bias')
    ]
    for layer, feature, got in zip(head.final_layers, feats, maps, strict=True):
        assert torch.equal(got, layer(feature))


def test_the_hourglass_head_hands_all_maps_on():
    feats = tuple(torch.randn(1, 17, 4, 3) for _ in range(3))
    head = _head()
    assert isinstance(head(feats), list)
    assert all(a is b for a, b in zip(head(feats), feats, strict=True))
    assert not list(head.parameters())


@pytest.mark.parametrize('factors', [None, (1, 1, 1), (0.5, 0.0, 2.0)])
def test_loss_is_the_weighted_sum_over_stages(make_batch, factors):
    _, samples = make_batch()
    targets = _targets(samples)
    loss = _head(stage_loss_weights=factors).loss((targets + 1, targets + 2, targets), samples)[
        'loss_kpt'
    ]
    first, second, _ = factors or (1, 1, 1)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(first + 4 * second)


def test_the_published_loss_is_half_the_squared_error(make_batch):
    _, samples = make_batch()
    for sample in samples:
        sample.gt_instance_labels.keypoint_weights[:] = 1.5
    targets = _targets(samples)
    published = dict(type='JointsMSELoss', use_target_weight=True, loss_weight=0.5)
    loss = _head(loss=published).loss((targets + 1, targets), samples)['loss_kpt']
    assert loss.item() == pytest.approx(0.5 * 1.5**2)


def test_accuracy_and_prediction_read_the_last_stage(make_batch):
    _, samples = make_batch()
    targets = _targets(samples)
    feats = (torch.zeros_like(targets), targets)
    assert _head().loss(feats, samples)['acc_pose'] == 1
    assert _head().loss(feats[::-1], samples)['acc_pose'] < 1
    _, fields = _head().predict(feats, samples, dict(output_heatmaps=True))
    assert all(torch.equal(f.heatmaps, t) for f, t in zip(fields, targets, strict=True))


def test_flip_test_averages_the_last_stages(make_batch):
    _, samples = make_batch()
    targets = _targets(samples)
    mirrored = targets.flip(-1)[:, samples[0].flip_indices]
    noise = torch.randn_like(targets)
    _, fields = _head().predict(
        ((noise, targets), (noise, mirrored)), samples, dict(flip_test=True, output_heatmaps=True)
    )
    assert all(torch.equal(f.heatmaps, t) for f, t in zip(fields, targets, strict=True))


def test_numbers_that_do_not_fit_are_named(make_batch):
    _, samples = make_batch()
    targets = _targets(samples)
    with pytest.raises(ValueError, match=r'one entry for each of the 2 stages.*got \(1, 1, 1\)'):
        _head(stage_loss_weights=(1, 1, 1)).loss((targets, targets), samples)
    with pytest.raises(ValueError, match=r'makes 16.*hold 17; set head\.out_channels=17'):
        _head().loss((targets[:, 1:], targets), samples)
    with pytest.raises(ValueError, match=r'each of 3 stages, got \(4, 8\)'):
        PoseNASHead((4, 8), 17, 3)
    with pytest.raises(ValueError, match=r'got 2 for 1 features'):
        PoseNASHead(4, 17, 2)((torch.zeros(1, 4, 4, 3),))


def test_features_of_other_channels_are_named():
    feats = (torch.zeros(1, 6, 4, 3), torch.zeros(1, 8, 4, 3))
    with pytest.raises(ValueError, match=r'6 channels, got 8: set head\.in_channels=\[6, 8\]'):
        PoseNASHead(6, 16)(feats)
    with pytest.raises(ValueError, match=r'17 channels, got 8: set backbone\.num_joints and head'):
        _head()(feats)
