"""Options that commands share."""

import argparse
import re

import pytest
from mmengine.config import Config

from posenas.cli.args import (
    CommandParser,
    OneLineParser,
    add_config_options,
    add_draw_options,
    add_launch_options,
    add_options,
    apply_draw_options,
    choose_work_dir,
    export_local_rank,
    pin,
)
from posenas.utils import CheckpointError


@pytest.fixture
def parser():
    parser = CommandParser('thing', 'Do something.')
    add_config_options(parser)
    add_launch_options(parser)
    add_draw_options(parser)
    return parser


@pytest.mark.parametrize(
    ('words', 'name', 'value'),
    [
        (['--work_dir', 'a_b'], 'work_dir', 'a_b'),
        (['--work-dir=a_b'], 'work_dir', 'a_b'),
        (['--local_rank', '3'], 'local_rank', 3),
        (['--local-rank=3'], 'local_rank', 3),
        (['--show_dir', 'out'], 'show_dir', 'out'),
        (['--cfg_options', 'a.b_c=1', 'd=x,y'], 'cfg_options', {'a.b_c': 1, 'd': ['x', 'y']}),
    ],
)
def test_options_may_be_spelled_with_underscores(parser, words, name, value):
    assert getattr(parser.parse_args(['c.py', *words]), name) == value


def test_options_are_not_guessed_from_abbreviations(parser):
    with pytest.raises(SystemExit):
        parser.parse_args(['c.py', '--work', 'x'])


@pytest.mark.parametrize(
    ('option', 'configured', 'expected'),
    [
        ('given', 'configured', 'given'),
        (None, 'configured', 'configured'),
        (None, None, 'work_dirs/some_name'),
    ],
)
def test_the_work_dir_comes_from_option_config_or_name(option, configured, expected):
    cfg = dict(work_dir=configured)
    assert choose_work_dir(option, cfg, 'configs/some_name.py') == expected


@pytest.mark.parametrize(('environment', 'expected'), [(None, '2'), ('5', '5')])
def test_the_launchers_own_local_rank_wins(parser, monkeypatch, environment, expected):
    import os

    monkeypatch.delenv('LOCAL_RANK', raising=False)
    if environment:
        monkeypatch.setenv('LOCAL_RANK', environment)
    export_local_rank(parser.parse_args(['c.py', '--local_rank', '2']))
    assert os.environ['LOCAL_RANK'] == expected
    monkeypatch.delenv('LOCAL_RANK')


@pytest.mark.parametrize(
    'cfg',
    [
        {},
        dict(default_hooks=dict(visualization=dict(type='PoseVisualizationHook', kpt_thr=0.5))),
        dict(default_hooks=dict(visualization=None, timer=dict(type='IterTimerHook'))),
    ],
)
def test_drawing_is_switched_on_in_any_config(parser, cfg, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = Config(cfg)
    args = parser.parse_args(['c.py', '--show-dir', 'out', '--interval', '7'])
    kept = (cfg.get('default_hooks') or {}).get('visualization') or {}
    apply_draw_options(args, cfg, 'visualization', 'PoseVisualizationHook')
    hook = dict(cfg.default_hooks.visualization)
    assert hook == {
        **kept,
        **dict(type='PoseVisualizationHook', enable=True, show=False, interval=7),
        'out_dir': str(tmp_path / 'out'),
    }
    assert cfg.visualizer.type == 'PoseLocalVisualizer'


def test_an_interval_below_one_is_refused(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(['c.py', '--show', '--interval', '0'])
    assert '--interval must be at least 1, got 0' in capsys.readouterr().err


@pytest.mark.parametrize('place', ['absent.pth', '.'])
def test_a_path_without_a_checkpoint_is_told_before_anything_is_built(place):
    args = argparse.Namespace(sha256=None, trust_download=False)
    with pytest.raises(CheckpointError, match='no checkpoint file at'):
        pin(args, place)


def test_a_table_of_options_tells_switches_from_values():
    parser = OneLineParser()
    table = {
        'source': 'a file',
        '--out --out-dir DIR': 'a folder',
        '--size W H': dict(type=int, nargs=2, help='of images'),
        '--quiet': 'says nothing',
    }
    add_options(parser, table)
    given = parser.parse_args(['a.json', '--out-dir', 'b', '--size', '3', '4', '--quiet'])
    assert vars(given) == dict(source='a.json', out='b', size=[3, 4], quiet=True)
    assert re.search(r'--size W H +of images', parser.format_help())
