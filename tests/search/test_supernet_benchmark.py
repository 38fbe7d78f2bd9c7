"""Cost of a supernet's step."""

from registry_cases import TINY_VIPNAS

from posenas.models.benchmark import draw_batch
from posenas.registry import MODELS
from posenas.search.supernet_benchmark import measure_supernet


def test_a_step_is_compared_with_its_networks():
    head = dict(out_channels=5)
    supernet = MODELS.build(dict(TINY_VIPNAS, type='ViPNASSupernet', head=head))
    cost = measure_supernet(supernet, draw_batch(2, 5, (64, 64), (16, 16)), 1, num_paths=3)
    assert cost.seconds > 0
    assert cost.ratio > 0
    assert 0 < cost.set_fresh < 1
    assert 0 < cost.set_again < 1
