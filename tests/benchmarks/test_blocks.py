"""Blocks that are timed in inference engines."""

import pytest
import torch

from posenas.benchmarks import benchmark_blocks, list_blocks
from posenas.benchmarks.blocks import EMPTY
from posenas.cli import main


def test_every_block_keeps_what_it_should():
    x = torch.randn(2, 12, 8, 6)
    for name, block in list_blocks(12, (6, 8), with_heads=True).items():
        shape = block.eval()(x).shape
        if name.startswith('head'):
            assert shape == (2, 17, 16, 12)
        elif 'stride' in name:
            assert shape[2:] == (4, 3)
        else:
            assert shape[2:] == (8, 6)


@pytest.mark.slow
def test_blocks_are_timed_in_every_engine(tmp_path, capsys):
    for engine in ('openvino', 'onnxruntime', 'onnx'):
        pytest.importorskip(engine)
    found = benchmark_blocks([(32, 32)], num_rounds=5)
    assert all(cost.seconds.keys() == {'openvino', 'onnxruntime'} for cost in found)
    dense = next(cost for cost in found if cost.name.startswith('dense'))
    assert dense.macs == 2 * 9 * 48 * 48 * 16
    assert sum(cost.name == EMPTY for cost in found) == 3
    words = ['benchmark', 'blocks', '--shape', '32', '32', '--repeat', '2']
    assert main([*words, '--json', str(tmp_path / 'blocks.json')]) == 0
    assert 'head: SimCC' in capsys.readouterr().out
    assert (tmp_path / 'blocks.json').exists()
