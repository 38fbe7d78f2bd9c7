"""Regression: learning, prediction, flip test, wrong settings."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from models.family_configs import draw_batch

from posenas.codecs import RegressionLabel
from posenas.registry import MODELS
from posenas.utils import ConfigError

SIZE = (64, 64)


def build_model(**head):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            backbone=dict(type='TinyConvNet', channels=(8, 8)),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                dict(
                    type='RLEHead',
                    in_channels=8,
                    num_joints=17,
                    decoder=dict(type='RegressionLabel', input_size=SIZE),
                ),
                **head,
            ),
        )
    )
    model.init_weights()
    return model


def draw(model, num=4):
    images, samples = draw_batch(model, num, SIZE[0])
    for sample in samples:
        labels = RegressionLabel(SIZE).encode(np.full((1, 17, 2), 20.0))
        labels = {name: torch.from_numpy(value) for name, value in labels.items()}
        sample.gt_instance_labels = InstanceData(**labels)
    return images, samples


def test_the_loss_falls():
    model = build_model().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    batch, losses = draw(model), []
    for _ in range(30):
        found = model(*batch, mode='loss')
        losses.append(found['loss_kpt'])
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < losses[0] - 10
    assert found['acc_pose'] == 1
    assert 'head.loss_module.flow_model.s.0.0.weight' in model.state_dict()
    assert model.head.fc.weight.shape == (68, 8)


@pytest.mark.parametrize('flip_test', [False, True])
def test_predictions_are_carried_back_to_the_image(flip_test):
    model = build_model().eval()
    middle = torch.tensor([31.5 / 64, 0.25, 0.25, 0.25])  # where a mirrored crop has it too
    model.head.forward = lambda feats: middle.repeat(len(feats[-1]), 17, 1)
    model.test_cfg.update(flip_test=flip_test, shift_coords=True)
    images, samples = draw_batch(model, 2, SIZE[0])
    for sample in samples:
        sample.set_metainfo(dict(warp_mat=((0.5, 0.0, 10.0), (0.0, 0.5, 0.0))))
    for sample in model(images, samples, mode='predict'):
        np.testing.assert_allclose(sample.pred_instances.keypoints[0], [(43, 32)] * 17, rtol=1e-5)
        np.testing.assert_allclose(sample.pred_instances.keypoint_scores, [[0.75] * 17])


def test_what_does_not_fit_is_refused():
    model = build_model()
    inputs, samples = draw_batch(model, 2, SIZE[0])
    for sample in samples:
        del sample.gt_instance_labels.keypoint_labels
    with pytest.raises(ConfigError, match="type='RegressionLabel'"):
        model(inputs, samples, mode='loss')
    other = build_model(num_joints=5)
    with pytest.raises(ConfigError, match='must be the keypoints of the data set, 17, got 5'):
        other(*draw(model), mode='loss')
    wide = build_model(in_channels=9)
    with pytest.raises(ConfigError, match=r'head.in_channels=8'):
        wide(torch.zeros(1, 3, 64, 64))
