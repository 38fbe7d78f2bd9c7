"""Networks for videos: what they compute, remember and never see."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from registry_cases import TINY_HEAD, TINY_LIGHT, TINY_MODEL, clip_samples, noise, pose_samples

from posenas.models import OnlinePoseEstimator
from posenas.registry import MODELS
from posenas.utils import ConfigError
from posenas.utils.profiling import profile_model

NUM_FRAMES = 7
#: A head of coordinates.
SIMCC = dict(
    type='SimCCHead',
    in_channels=16,
    out_channels=17,
    input_size=(48, 64),
    in_featuremap_size=(12, 16),
)


def build(num_light=2, fuse=True, **settings):
    """A network whose fusion matters, or still is the identity."""
    torch.manual_seed(0)
    model = OnlinePoseEstimator(key=TINY_MODEL, frames=[TINY_LIGHT] * num_light, **settings)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    for net in model.frames:
        torch.nn.init.constant_(net.fusion.last_norm.weight, float(fuse))
    return model.eval()


def video(num_tracks=2, length=NUM_FRAMES, **changes):
    """Samples of tracks through a video, frame by frame, and their crops."""
    samples = clip_samples(num_tracks, length)
    for sample in samples:
        sample.set_metainfo(changes)
    return noise(len(samples), 3, 64, 48), samples


def run(model, inputs, samples, size):
    """Predict in batches of ``size``; return positions and heatmaps."""
    model.train().eval()
    model.test_cfg['output_heatmaps'] = True
    done = []
    with torch.no_grad():
        for start in range(0, len(samples), size):
            part = slice(start, start + size)
            done += model(inputs[part], deepcopy(samples[part]), mode='predict')
    return [s.period_position for s in done], torch.stack([s.pred_fields.heatmaps for s in done])


def test_light_networks_equal_to_the_key_network_give_its_heatmaps_of_a_static_scene():
    model = build(3, fuse=False)
    for net in model.frames:
        net.load_state_dict(model.key.state_dict(), strict=False)
    with torch.no_grad():
        maps = model(noise(1, 3, 64, 48).expand(6, -1, -1, -1))
        assert torch.equal(maps, model.key(noise(1, 3, 64, 48)).expand_as(maps))


def test_online_and_batched_evaluation_agree():
    model = build()
    inputs, samples = video()
    positions, frame_by_frame = run(model, inputs, samples, 2)
    assert positions == [p for p in (0, 1, 2, 0, 1, 2, 0) for _ in range(2)]
    at_once = run(model, inputs, samples, len(samples))
    assert at_once[0] == positions
    assert torch.equal(at_once[1], frame_by_frame)  # parts are the same batches
    alone = run(model, inputs, samples, 1)
    assert alone[0] == positions
    spread = np.ptp(frame_by_frame.numpy())
    assert (alone[1] - frame_by_frame).abs().max() <= 1e-5 * spread
    matrices = [[model._matrix(s) for s in samples[i : i + 2]] for i in range(0, 14, 2)]
    with torch.no_grad():
        clip = model.run_clip(list(inputs.split(2)), matrices)
    assert torch.equal(torch.cat([stages[-1] for stages in clip]), frame_by_frame)


def test_later_frames_change_nothing_and_the_one_before_does():
    model = build()
    inputs, samples = video(1)
    _, maps = run(model, inputs, samples, NUM_FRAMES)
    for changed in range(NUM_FRAMES):
        other = inputs.clone()
        other[changed] += 1
        _, new = run(model, other, samples, NUM_FRAMES)
        assert torch.equal(new[:changed], maps[:changed])
        reached = changed + (2 - changed % 3)  # to the end of the period
        differs = [not torch.equal(a, b) for a, b in zip(new, maps, strict=True)]
        assert differs == [changed <= frame <= reached for frame in range(NUM_FRAMES)]


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        (lambda s: None, [0, 1, 2, 0]),
        (lambda s: s[2].set_metainfo(dict(track_id=9)), [0, 1, 0, 0]),
        (lambda s: [one.set_metainfo(dict(frame_id=one.frame_id + 1)) for one in s[2:]],
         [0, 1, 0, 1]),
        (lambda s: setattr(s[1].gt_instances, 'bboxes', np.array([[40.0, 0, 88, 64]])),
         [0, 0, 0, 1]),
        (lambda s: [one.set_metainfo(dict(video_id=1)) for one in s[2:]], [0, 1, 0, 1]),
    ],
    ids=['periodic', 'new track', 'missed frame', 'box jumps', 'new video'],
)  # fmt: skip
@pytest.mark.parametrize('size', [1, 4])
def test_the_key_network_sees_what_begins_anew(change, expected, size):
    inputs, samples = video(1, 4)
    change(samples)
    assert run(build(), inputs, samples, size)[0] == expected


def test_frames_further_apart_follow_each_other_where_that_is_allowed():
    inputs, samples = video(1, 4)
    for sample in samples:
        sample.set_metainfo(dict(frame_id=4 * sample.frame_id))
    assert run(build(), inputs, samples, 1)[0] == [0, 0, 0, 0]
    assert run(build(max_gap=4), inputs, samples, 1)[0] == [0, 1, 2, 0]


def test_people_without_a_track_are_seen_by_the_key_network_and_forgotten():
    model = build()
    samples = pose_samples()
    inputs = noise(2, 3, 64, 48)
    for _ in range(2):
        assert run(model, inputs, samples, 2)[0] == [0, 0]
    assert len(model.memory) == 0


def test_memory_stays_as_small_as_the_frame():
    model = build()
    for first in range(0, 40, 4):
        inputs, samples = video(2, 4)
        for sample in samples:
            sample.set_metainfo(dict(frame_id=sample.frame_id + first, track_id=first))
        with torch.no_grad():
            model(inputs, samples, mode='predict')
    assert len(model.memory) <= 2


def test_flip_test_of_symmetric_frames_changes_nothing_but_the_order_of_sums():
    model = build(test_cfg=dict(flip_test=True))
    inputs, samples = video(1, 3, warp_mat=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    _, maps = run(model, inputs, samples, 3)
    _, mirrored = run(model, inputs.flip(-1), samples, 3)
    assert torch.allclose(mirrored.flip(-1), maps, atol=1e-6)


def test_samples_say_what_their_network_costs():
    model = build()
    inputs, samples = video(1, 3)
    found = model.train().eval()(inputs, samples, mode='predict')
    light = profile_model(model.frames[0], inputs[:1], noise(1, 17, 16, 12)).macs
    key = profile_model(model.key, inputs[:1]).macs
    assert [s.macs for s in found] == [key, light, light]
    assert profile_model(model, inputs[:3]).macs == key + 2 * light
    assert sum(model.count_parameters()) == sum(p.numel() for p in model.parameters())


def test_only_light_networks_learn_unless_the_key_is_to():
    for train_key in (False, True):
        model = build(train_key=train_key).train()
        assert model.key.training == train_key
        model(noise(6, 3, 64, 48), clip_samples(2, 3), mode='loss')['loss_kpt'].backward()
        assert all((p.grad is not None) == train_key for p in model.key.parameters())
        assert all(p.grad is not None for net in model.frames for p in net.parameters())


def test_clips_of_one_frame_are_refused_unless_the_key_learns():
    inputs, samples = noise(2, 3, 64, 48), clip_samples(2, 1)
    assert build(train_key=True).train()(inputs, samples, mode='loss')['loss_kpt'].requires_grad
    with pytest.raises(ConfigError, match='clips of one frame train nothing'):
        build().train()(inputs, samples, mode='loss')


def test_light_networks_start_from_an_image_network_cut_to_their_widths(tmp_path):
    torch.manual_seed(1)
    image = MODELS.build(TINY_MODEL)
    torch.save(dict(state_dict=image.state_dict()), tmp_path / 'image.pth')
    narrow = dict(TINY_MODEL['backbone'], channels=(8, 12))
    light = dict(TINY_LIGHT, backbone=narrow, head=dict(TINY_HEAD, in_channels=12))
    model = OnlinePoseEstimator(
        key=TINY_MODEL, frames=[light], frame_checkpoint=str(tmp_path / 'image.pth')
    )
    model.init_weights()
    found, given = model.frames[0].state_dict(), image.state_dict()
    differing = [n for n in given.keys() & found.keys() if given[n].shape != found[n].shape]
    assert any('backbone' in name for name in differing)
    assert any('head' in name for name in differing)
    for name in given.keys() & found.keys():
        sizes = zip(given[name].shape, found[name].shape, strict=True)
        common = tuple(slice(min(pair)) for pair in sizes)
        torch.testing.assert_close(found[name][common], given[name][common], rtol=0, atol=0)


def test_gradients_flow_through_earlier_frames_only_where_asked_for():
    for bptt in (False, True):
        model = build(bptt=bptt).train()
        model.frames[1].head.requires_grad_(False)
        samples = clip_samples(2, 3)
        for sample in samples[2:4]:  # frame 1 has no labels, so only the next one teaches it
            sample.gt_instance_labels.keypoint_weights.zero_()
        model(noise(6, 3, 64, 48), samples, mode='loss')['loss_kpt'].backward()
        assert model.frames[0].head.final_layer.weight.grad.any() == bptt


def test_other_families_fuse_behind_a_module_they_name():
    for cfg, at in (
        (dict(type='ResNet', depth=18), 'layer2'),
        (dict(type='ViPNAS_MobileNetV3'), None),
        (dict(type='ResNet', depth=18), ''),
    ):
        place = dict(stage=2) if at is None else dict(at=at)
        head = dict(type='HeatmapHead', in_channels=512, out_channels=17)
        if cfg['type'].startswith('ViPNAS'):
            head = dict(type='ViPNASHead', in_channels=160, out_channels=17)
            head.update(deconv_out_channels=(16,) * 3)
        channels = 512 if at == '' else 128 if at else 40
        fusion = dict(place, in_channels=channels, op='add')
        net = MODELS.build(dict(type='TViPNASNet', backbone=cfg, head=head, fusion=fusion)).eval()
        torch.nn.init.ones_(net.fusion.last_norm.weight)
        with torch.no_grad():
            one, two = (net(noise(1, 3, 64, 64), noise(1, 17, 16, 16, seed=s)) for s in (1, 2))
        assert one.shape == (1, 17, 16, 16)
        assert not torch.equal(one, two)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(frames=[TINY_LIGHT], period=4), 'period - 1 = 3 networks, got 1'),
        (dict(frames=[dict(TINY_LIGHT, head=dict(TINY_HEAD, out_channels=5))]), 'same head'),
        (dict(frames=[dict(TINY_LIGHT, head=SIMCC)]), 'a head of heatmaps.*SimCCHead'),
        (dict(frames=[dict(TINY_LIGHT, fusion=dict(op='add', in_channels=8))]), 'say where'),
        (dict(frames=[dict(TINY_LIGHT, fusion=dict(stage=5, in_channels=8))]), '1 to 4'),
        (dict(frames=[dict(TINY_LIGHT, fusion=dict(at='layer9', in_channels=8))]), 'layer9'),
    ],
)
def test_networks_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        OnlinePoseEstimator(**dict(dict(key=TINY_MODEL), **changes))


def test_training_on_single_images_is_refused():
    with pytest.raises(ConfigError, match='ClipDataset'):
        build().train()(noise(2, 3, 64, 48), pose_samples(), mode='loss')
