"""Networks that cannot tell people apart yet are recognised, and no others are suspected."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torch import nn

from posenas.models import PredictionSpread, describe_doubts, find_unsettled_norms
from posenas.models.settling import draw_settled_weights
from posenas.structures import PoseDataSample


def make_net(updates, momentum=0.1, scale=0.1):
    torch.manual_seed(0)
    norms = [nn.BatchNorm2d(8, momentum=momentum) for _ in range(3)]
    net = nn.Sequential(*norms)
    for _ in range(updates):
        for norm in norms:
            norm(scale * torch.randn(4, 8, 5, 5))
    return net


@pytest.mark.parametrize(
    ('updates', 'momentum', 'share'),
    [(1, 0.1, '90%'), (20, 0.1, '12%'), (43, 0.1, '1%'), (100, 0.01, '37%')],
)
def test_norms_that_hold_their_initial_values_are_found(updates, momentum, share):
    found = find_unsettled_norms(make_net(updates, momentum))
    assert (found.count, found.total, found.updates) == (3, 3, updates)
    assert f'after {updates} training batches {share} of them' in str(found)
    assert find_unsettled_norms(make_net(found.needed, momentum)) is None


def test_norms_that_saw_nothing_are_found():
    assert 'are the initial ones' in str(find_unsettled_norms(make_net(0)))


def _loaded_without_count(net):
    for norm in net:
        norm.num_batches_tracked.zero_()


def _fine_tuned(net):
    for norm in net:
        norm.num_batches_tracked.fill_(20)  # after loading statistics without a count


@pytest.mark.parametrize(
    ('updates', 'momentum', 'change'),
    [
        (44, 0.1, None),
        (3, None, None),  # measured anew: a plain average
        (500, 0.1, _loaded_without_count),
        (500, 0.1, _fine_tuned),
    ],
)
def test_norms_that_know_the_data_are_left_in_peace(updates, momentum, change):
    net = make_net(updates, momentum)
    if change is not None:
        change(net)
    assert find_unsettled_norms(net) is None


def test_networks_without_statistics_are_left_in_peace():
    others = nn.Conv2d(3, 3, 1), nn.GroupNorm(1, 4), nn.BatchNorm2d(4, track_running_stats=False)
    assert all(find_unsettled_norms(net) is None for net in others)


def measure(num_people, same_keypoints, same_pixels):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (3, 64, 48))
    spread = PredictionSpread()
    for _ in range(num_people):
        sample = PoseDataSample(metainfo=dict(warp_mat=[[2.0, 0, -rng.uniform(0, 50)], [0, 2, 0]]))
        crop = [24, 32] + (0 if same_keypoints else 1) * rng.normal(0, 2, (5, 2))
        points = (crop - np.array(sample.warp_mat)[:, 2]) / 2
        sample.pred_instances = InstanceData(keypoints=points[None])
        pixels = picture if same_pixels else rng.integers(0, 255, (3, 64, 48))
        spread.add([torch.from_numpy(pixels)], [sample])
    return spread


@pytest.mark.parametrize(
    ('num_people', 'same_keypoints', 'same_pixels', 'is_told'),
    [
        (9, True, False, True),
        (9, False, False, False),
        (9, True, True, False),
        (7, True, False, False),
    ],
)
def test_one_answer_for_different_people_is_recognised(
    num_people, same_keypoints, same_pixels, is_told
):
    spread = measure(num_people, same_keypoints, same_pixels)
    assert bool(spread.describe_sameness()) == is_told
    doubts = describe_doubts(make_net(44), spread)
    assert ['train longer' in text for text in doubts] == [True] * is_told
    doubts = describe_doubts(make_net(5), spread)
    assert len(doubts) == 1 + is_told
    assert 'have not settled' in doubts[-1]


def test_drawn_weights_do_not_depend_on_what_was_there():
    def draw(seed):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
        draw_settled_weights(model, torch.ones(2, 3, 8, 8))
        return model.state_dict()

    first, second = draw(0), draw(1)
    assert all(torch.equal(first[name], second[name]) for name in first)
