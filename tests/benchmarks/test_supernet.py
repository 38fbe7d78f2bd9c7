"""Cost of a supernet's step."""

from registry_cases import TINY_VIPNAS

from posenas.benchmarks.forward import draw_batch
from posenas.benchmarks.supernet import measure_supernet
from posenas.cli import main
from posenas.registry import MODELS


def test_a_step_is_compared_with_its_networks():
    head = dict(out_channels=5)
    supernet = MODELS.build(dict(TINY_VIPNAS, type='ViPNASSupernet', head=head))
    cost = measure_supernet(supernet, draw_batch(2, 5, (64, 64), (16, 16)), 1, num_paths=3)
    assert cost.seconds > 0
    assert cost.ratio > 0
    assert 0 < cost.set_fresh < 1
    assert 0 < cost.set_again < 1


def test_the_command_takes_another_size(capsys):
    config = 'configs/search/vipnas/synthetic/vipnas_supernet_tiny_synthetic_128x96.py'
    words = [
        'benchmark',
        'supernet',
        config,
        '--batch',
        '2',
        '--repeat',
        '1',
        '--shape',
        '64',
        '64',
    ]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert '64x64' in printed
    assert 'ms to set one' in printed
