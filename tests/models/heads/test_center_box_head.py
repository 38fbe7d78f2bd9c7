"""Person detector: losses by hand, learning of a canvas, boxes in pixels of the photo."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData

from posenas.codecs import CenterBox
from posenas.models.losses.center_box import center_focal_loss, distance_giou_loss
from posenas.registry import MODELS
from posenas.structures import PoseDataSample
from posenas.utils import ConfigError

DETECTOR = dict(
    type='PersonDetector',
    backbone=dict(type='LightResNet', stem_channels=(8, 8), channels=(8, 16), num_blocks=(1, 1)),
    neck=dict(type='TopDownFusion', in_channels=(8, 16), channels=(8, 8)),
    head=dict(type='CenterBoxHead', in_channels=8, upsample=2, decoder=dict(type='CenterBox')),
)


def build(**codec):
    torch.manual_seed(0)
    head = dict(DETECTOR['head'], decoder=dict(type='CenterBox', **codec))
    model = MODELS.build(dict(DETECTOR, head=head))
    model.init_weights()
    return model


def canvas(boxes, size=(64, 64), scale=0.5):
    """A sample whose bright boxes are people; the photo is larger by 1 / scale."""
    picture = torch.zeros(3, size[1], size[0])
    for x1, y1, x2, y2 in boxes:
        picture[:, y1:y2, x1:x2] = 1
    sample = PoseDataSample(
        metainfo=dict(warp_mat=((scale, 0, 0), (0, scale, 0)), ori_shape=(128, 128))
    )
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    target = CenterBox().encode(boxes, np.zeros(len(boxes), bool), size)
    sample.gt_fields = PixelData(heatmaps=torch.from_numpy(target))
    return picture, sample


def test_losses_are_those_of_the_papers():
    logits = torch.tensor([[[0.0, 2.0, 0.0]]])
    targets = torch.tensor([[[1.0, 0.5, 0.0]]])
    p = torch.sigmoid(torch.tensor(2.0))
    wanted = -(0.25 * np.log(0.5) + 0.5**4 * p**2 * torch.log(1 - p))
    found = center_focal_loss(logits, targets, torch.tensor([[[1.0, 1.0, 0.0]]]))
    torch.testing.assert_close(found, wanted)
    box = torch.tensor([1.0, 1.0, 1.0, 1.0]).reshape(1, 4, 1, 1)
    one = torch.ones(1, 1, 1)
    assert distance_giou_loss(box, box, one) == 0
    twice = torch.tensor([1.0, 1.0, 3.0, 1.0]).reshape(1, 4, 1, 1)
    assert distance_giou_loss(twice, box, one) == pytest.approx(0.5)
    # corner to corner: IoU 1/7, hull 9, union 7
    shifted = torch.tensor([0.0, 0.0, 2.0, 2.0]).reshape(1, 4, 1, 1)
    assert distance_giou_loss(shifted, box, one) == pytest.approx(1 - (1 / 7 - 2 / 9))


def test_a_canvas_without_people_has_a_finite_loss():
    model = build()
    picture, sample = canvas([])
    losses = model(picture[None].repeat(2, 1, 1, 1), [sample] * 2, mode='loss')
    total = sum(losses.values())
    total.backward()
    assert torch.isfinite(total)


def test_a_detector_learns_where_people_are():
    model = build()
    places = [[[8, 8, 24, 40]], [[32, 16, 56, 36]], [[4, 30, 20, 60], [40, 4, 60, 40]], []]
    pairs = [canvas(boxes) for boxes in places]
    inputs, samples = torch.stack([p for p, _ in pairs]), [s for _, s in pairs]
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        sum(model(inputs, samples, mode='loss').values()).backward()
        optimizer.step()
    model.train()  # statistics of four canvases are no running average
    with torch.no_grad():
        found = model(inputs, samples, mode='predict')
    for sample, boxes in zip(found, places, strict=True):
        sure = sample.pred_instances.bboxes[sample.pred_instances.bbox_scores > 0.5]
        assert len(sure) == len(boxes)
        order = np.argsort(sure[:, 0])
        np.testing.assert_allclose(
            sure[order].reshape(-1, 4), 2 * np.reshape(boxes, (-1, 4)), atol=8
        )


def test_a_detector_that_searches_a_copy_of_half_the_size_finds_what_is_there_too():
    model, alone = (build(with_half=half).eval() for half in (True, False))
    images = torch.rand(2, 3, 128, 64, generator=torch.manual_seed(0))
    with torch.no_grad():
        maps, half_maps = model(images)
        torch.testing.assert_close(maps, alone(images))
        torch.testing.assert_close(
            half_maps, alone(torch.nn.functional.avg_pool2d(images, 2)), rtol=1e-4, atol=1e-4
        )
        found = model.head.predict([maps, half_maps])
    assert maps.shape[2:] == tuple(2 * side for side in half_maps.shape[2:])
    for image in range(2):
        boxes, scores = CenterBox().decode(maps[image].numpy(), half_maps[image].numpy())
        np.testing.assert_array_equal(found[image].bboxes, boxes)
        np.testing.assert_array_equal(found[image].bbox_scores, scores)


def test_a_wrong_stride_is_told():
    picture, sample = canvas([], size=(64, 32))
    with pytest.raises(ConfigError, match='must have the stride of the network'):
        build()(picture.new_zeros(2, 3, 64, 64), [sample] * 2, mode='loss')


@pytest.mark.parametrize(
    ('part', 'change', 'match'),
    [
        ('backbone', dict(num_blocks=(1,)), 'num_blocks must have one entry'),
        ('neck', dict(channels=(8,)), 'two or more features'),
    ],
)
def test_impossible_parts_are_refused(part, change, match):
    with pytest.raises(ConfigError, match=match):
        MODELS.build({**DETECTOR, part: {**DETECTOR[part], **change}})
