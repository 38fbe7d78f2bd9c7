import json

import pytest

from posenas import cli
from posenas.cli import demo
from posenas.experiments.demo import SEEDS, configure_demo
from posenas.skeletons import COCO

TINY = ['--num-images', '12', '--num-val-images', '3', '--epochs', '1']


def test_the_demo_draws_people_trains_and_leaves_pictures_and_scores(tmp_path, capsys):
    folder = tmp_path / 'demo'
    assert demo.main(['--work-dir', str(folder), *TINY]) == 0
    for name in ('predictions.png', 'curves.png', 'epoch_1.pth'):
        assert (folder / name).stat().st_size > 1000
    scores = json.loads((folder / 'scores.json').read_text())
    assert 0 <= scores['network']['PCK'] <= 1
    assert 0.02 < scores['mean_pose']['PCK'] < 0.5
    printed = capsys.readouterr().out
    assert 'PCK@0.1-box' in printed
    assert str(folder) in printed.replace('\n', '')


def test_training_and_validation_people_come_from_different_seeds():
    seeds = {2 * seed + offset for seed in range(5) for offset in SEEDS.values()}
    assert len(seeds) == 10


def test_the_demo_network_finds_the_joints_of_coco(tmp_path):
    cfg = configure_demo(tmp_path, seed=0, epochs=3)
    assert cfg.model.head.out_channels == COCO.num_joints
    assert cfg.param_scheduler[1].T_max == 3
    assert str(tmp_path) in cfg.val_evaluator[0].ann_file


def test_a_folder_that_holds_something_is_refused_at_once(tmp_path, capsys):
    (tmp_path / 'mine').touch()
    assert cli.main(['demo', '--work-dir', str(tmp_path), *TINY]) == 2
    assert 'must be a new or empty folder' in capsys.readouterr().err


@pytest.mark.parametrize('options', [['--epochs', '0'], ['--num-images', '0']])
def test_options_that_mean_nothing_are_a_usage_error(tmp_path, options, capsys):
    arguments = ['demo', '--work-dir', str(tmp_path / 'demo'), *TINY, *options]
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert 'must be at least 1' in capsys.readouterr().err
