"""What a step of a search costs, measured on a supernet of a few convolutions."""

import pytest
import torch
from engine.toy_search import CHANNELS, PlantedSupernet

from posenas.benchmarks.gradient_search import measure_search


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_all_strategies_are_measured_on_one_thread_against_plain_training(two_threads):
    supernet, threads = PlantedSupernet(), set()
    supernet.register_forward_pre_hook(lambda *_: threads.add(torch.get_num_threads()))
    batches = [dict(inputs=torch.randn(2, CHANNELS, 6, 6)) for _ in range(2)]
    costs = {cost.strategy: cost for cost in measure_search(supernet, *batches, num_rounds=1)}
    assert threads == {1}
    assert torch.get_num_threads() == 2
    plain = costs['none']
    assert (plain.time_ratio, plain.memory_ratio) == (1, 1)
    for cost in costs.values():
        assert cost.memory_ratio == cost.peak_memory / plain.peak_memory
    assert costs['second_order'].memory_ratio > costs['sync, single'].memory_ratio
