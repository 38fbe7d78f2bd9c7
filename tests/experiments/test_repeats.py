"""Plans of searches that are repeated, beside random architectures."""

from pathlib import Path

import pytest

from posenas.cli import main
from posenas.cli.search import build_parser as search_parser
from posenas.experiments import list_archives, plan_repeats
from posenas.utils import ConfigError

CONFIGS = Path(__file__).parents[2] / 'configs/search'
SEARCH = str(CONFIGS / 'vipnas/synthetic/vipnas_search_tiny_synthetic_128x96.py')
TRAINING = 's_vipnas_res50_synthetic_128x96'


def test_each_seed_gets_a_search_a_training_and_a_random_network_of_its_cost(tmp_path):
    plan = plan_repeats(SEARCH, TRAINING, tmp_path, num_seeds=2)
    names = [run.name for run in plan.order()]
    assert sorted(names) == sorted(
        f'{name}_s{seed}' for name in ('found', 'searched', 'drawn', 'random') for seed in (0, 1)
    )
    assert names.index('found_s1') < names.index('drawn_s1') < names.index('random_s1')
    assert [folder.name for folder in list_archives(plan)] == [
        'found_s0_archive',
        'found_s1_archive',
    ]
    (question,) = plan.comparisons
    assert (question.baseline, question.candidate) == ('random', 'searched')
    for run in plan.order():  # the commands are those that their parsers take
        for words in plan.fill_in(run, run.arm.commands, str):
            if words[:2] == ['search', 'sample']:
                args = search_parser().parse_args(words[1:])
                assert args.like == str(tmp_path / f'found_s{run.seed}/network/genotype.json')
                assert (args.seed, args.cost) == (run.seed, 'macs')


def test_without_baseline_nothing_random_is_trained(tmp_path):
    plan = plan_repeats(SEARCH, TRAINING, tmp_path, with_baseline=False)
    assert sorted(plan.arms) == ['found', 'searched']
    assert len(plan.order()) == 6
    assert plan.comparisons == []


def test_what_cannot_be_repeated_is_refused(tmp_path):
    gradient = CONFIGS / 'posenas/synthetic/posenas_search_tiny_synthetic_128x96.py'
    with pytest.raises(ConfigError, match='must be the config of a SearchLoop, with load_from'):
        plan_repeats(str(gradient), TRAINING, tmp_path)


def test_the_command_says_what_is_not_finished(tmp_path, capsys):
    words = ['search', 'repeat', SEARCH, '--experiment', TRAINING, '--work-dir', str(tmp_path)]
    assert main([*words, '--no-run']) == 0
    text = capsys.readouterr().out
    assert '0 of 3 searches have results' in text
    assert '6 of 6 runs and 1 comparisons, unfinished' in text
