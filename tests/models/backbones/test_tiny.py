import torch

from posenas.models import TinyConvNet


def test_stages_halve_the_map_and_come_in_the_order_asked_for():
    feats = TinyConvNet(channels=(4, 8, 12), out_indices=(2, 0))(torch.zeros(2, 3, 32, 16))
    assert [tuple(f.shape) for f in feats] == [(2, 12, 4, 2), (2, 4, 16, 8)]
