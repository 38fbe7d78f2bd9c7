import torch
from torch import nn

from posenas.models.layers import make_fuse_layers, make_transition, run_transition


def unit(in_channels, out_channels, stride):
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1))


def down_unit(in_channels, out_channels, is_last):
    layers = [nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)]
    return nn.Sequential(*layers, *([] if is_last else [nn.ReLU()]))


def branches_of(*channels):
    return [torch.randn(2, c, 32 // 2**i, 16 // 2**i) for i, c in enumerate(channels)]


def shapes_of(maps):
    return [tuple(x.shape[1:]) for x in maps]


def test_a_transition_names_only_what_changes():
    transition = make_transition((8, 16), (8, 24, 32, 48), unit)
    assert transition[0] is None
    weights = {
        name: tuple(value.shape[:2])
        for name, value in transition.state_dict().items()
        if name.endswith('weight')
    }
    assert weights == {
        '1.0.weight': (24, 16),
        '2.0.0.weight': (32, 16),
        '3.0.0.weight': (16, 16),
        '3.1.0.weight': (48, 16),
    }


def test_branches_behind_a_transition_halve_from_one_to_the_next():
    transition = make_transition((8, 16), (8, 24, 32, 48), unit)
    branches = branches_of(8, 16)
    outputs = run_transition(transition, branches)
    assert shapes_of(outputs) == shapes_of(branches_of(8, 24, 32, 48))
    assert outputs[0] is branches[0]
    assert torch.equal(outputs[1], transition[1](branches[1]))
    assert torch.equal(outputs[2], transition[2](branches[1]))


def test_every_branch_reaches_every_output():
    channels = (8, 16, 32)
    layers = make_fuse_layers(channels, 3, down_unit)
    branches = branches_of(*channels)
    for i, row in enumerate(layers):
        assert row[i] is None
        brought = [row[j](branches[j]) for j in range(3) if j != i]
        assert {tuple(x.shape) for x in brought} == {tuple(branches[i].shape)}


def test_chains_down_keep_their_channels_until_the_last_link():
    chain = make_fuse_layers((8, 16, 32, 64), 4, down_unit)[3][0]
    convs = [(step[0].in_channels, step[0].out_channels) for step in chain]
    assert convs == [(8, 8), (8, 8), (8, 64)]
    assert [len(step) for step in chain] == [2, 2, 1]


def test_the_way_up_projects_then_repeats_pixels():
    up = make_fuse_layers((8, 16, 32), 1, down_unit)[0][2]
    assert [type(m) for m in up] == [nn.Conv2d, nn.BatchNorm2d, nn.Upsample]
    x = up(torch.randn(2, 32, 4, 4))
    assert torch.equal(x[..., ::4, ::4], x[..., 3::4, 3::4])
    assert up[0].bias is None


def test_fewer_outputs_have_fewer_layers():
    assert len(make_fuse_layers((8, 16, 32), 1, down_unit)) == 1
