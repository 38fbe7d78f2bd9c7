"""Options of the published trainer that search neural fabrics."""

import json
from pathlib import Path

import pytest
from registry_cases import CODEC, TINY_FABRICS, tiny_experiment

from posenas.cli import main
from posenas.cli.search_options import apply_search_options
from posenas.cli.train import build_parser
from posenas.utils import ConfigError

FABRICS = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor'),
    backbone=TINY_FABRICS['backbone'],
    head=dict(TINY_FABRICS['head'], decoder=CODEC),
)
OWN = dict(optimizer=dict(type='Adam', lr=0.03, weight_decay=0.01))


def experiment(folder):
    cfg = tiny_experiment(folder)
    cfg.model, cfg.codec = FABRICS, CODEC
    return cfg


def configured(folder, *words):
    cfg = experiment(folder)
    apply_search_options(build_parser().parse_args(['config.py', *words]), cfg)
    return cfg


@pytest.mark.parametrize(
    ('name', 'strategy', 'arch'),
    [
        ('None', 'none', None),
        ('random', 'random', None),
        ('sync', 'sync', 'weights'),
        ('single', 'single', OWN),
        ('first_order_gradient', 'first_order', OWN),
        ('second_order', 'second_order', OWN),
    ],
)
def test_a_network_of_fabrics_becomes_a_search(name, strategy, arch, tmp_path):
    cfg = configured(tmp_path, '--search', name)
    assert cfg.model.type == 'CNFSupernet'
    assert cfg.train_cfg.strategy == strategy
    assert cfg.optim_wrapper.arch == arch
    is_bilevel = 'order' in strategy
    assert cfg.train_cfg.get('arch_ratio') == (1 / 3 if is_bilevel else None)
    assert cfg.train_dataloader.batch_size == (4 if is_bilevel else 2)


def test_a_search_changes_its_strategy_alone(tmp_path):
    cfg = configured(tmp_path, '--search', 'first_order')
    cfg.optim_wrapper.arch.optimizer.lr = 0.5
    before = cfg.to_dict()
    apply_search_options(build_parser().parse_args(['c.py', '--search', 'second_order']), cfg)
    assert cfg.train_cfg.strategy == 'second_order'
    cfg.train_cfg.strategy = 'first_order'
    assert cfg.to_dict() == before


def test_a_search_on_split_images_becomes_one_on_all_of_them(tmp_path):
    cfg = configured(tmp_path, '--search', 'first_order')
    apply_search_options(build_parser().parse_args(['c.py', '--search', 'None']), cfg)
    assert (cfg.train_cfg.strategy, cfg.train_dataloader.batch_size) == ('none', 2)
    assert 'arch_dataloader' not in cfg.train_cfg


def test_a_published_command_line_searches_and_shows_its_course(tmp_path):
    cfg = experiment(tmp_path)
    cfg.log_level = 'INFO'
    path = tmp_path / 'fabrics.py'
    cfg.dump(path)
    words = ['--search', 'sync', '--show_arch_value', '--param_flop', '--visualize']
    assert main(['train', str(path), *words]) == 0
    lines = (tmp_path / 'work' / 'arch_values.jsonl').read_text().splitlines()
    assert [json.loads(line)['epoch'] for line in lines] == [1]
    log = next(Path(tmp_path, 'work').rglob('*.log')).read_text()
    assert 'head.parts.head_part.betas[0]: 0.3' in log
    assert 'x 2^30' in log
    assert list(tmp_path.rglob('val_img*.png')) or list(tmp_path.rglob('val_img*.jpg'))
    assert (tmp_path / 'work' / 'genotype.json').is_file()
    assert (tmp_path / 'work' / 'arch_values.png').stat().st_size > 1000


def test_networks_without_fabrics_and_trainings_without_a_search_are_refused(tmp_path):
    cfg = tiny_experiment(tmp_path)
    for words in (['--search', 'sync'], ['--show-arch-value']):
        with pytest.raises(ConfigError, match='search'):
            apply_search_options(build_parser().parse_args(['c.py', *words]), cfg)


def test_steps_of_a_search_are_measured(tmp_path, capsys):
    cfg = configured(tmp_path, '--search', 'first_order')
    path = tmp_path / 'search.py'
    cfg.dump(path)
    assert main(['benchmark', 'search', str(path), '--batch', '2', '--repeat', '1']) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ('none', 'sync, single', 'first_order', 'second_order'))
    plain = tmp_path / 'plain.py'
    tiny_experiment(tmp_path).dump(plain)
    assert main(['benchmark', 'search', str(plain)]) == 2


def test_candidates_of_a_search_are_evaluated_where_the_options_say(tmp_path):
    words = ['--executor', 'ray', '--address', 'auto']
    cfg = experiment(tmp_path)
    with pytest.raises(
        ConfigError, match=r'--executor must be of a search by candidates.*torchrun'
    ):
        apply_search_options(build_parser().parse_args(['c.py', *words]), cfg)
    cfg.train_cfg = dict(type='SearchLoop')
    apply_search_options(build_parser().parse_args(['c.py', *words]), cfg)
    assert cfg.train_cfg == dict(type='SearchLoop', executor='ray', address='auto')
