"""What a search has found, as a table and a page."""

import re

import numpy as np
import pytest
from mmengine.config import Config
from search.search_samples import write_archive, write_sampled_search

from posenas.cli import main
from posenas.genotype import load_genotype
from posenas.registry import TASK_UTILS
from posenas.search import Arch, Archive, Record, read_search, write_search_page

VALUES = [(0.5, 1e9), (0.7, 2e9), (0.6, 3e9)]


@pytest.fixture
def work_dir(tmp_path):
    algorithm = dict(objectives=dict(AP='greater', macs='less'))
    archive = Archive(tmp_path / 'archive.jsonl', dict(algorithm=algorithm))
    for trial, (ap, macs) in enumerate(VALUES):
        arch = Arch(dict(width=trial))
        scores, costs = dict(AP=ap), dict(macs=macs)
        archive.append(Record(trial, trial // 2, (), f'arch{trial}', arch, scores, costs))
    archive.append(Record(3, 1, (0, 1), 'arch3', Arch(dict(width=3)), {}, {}, 'failed'))
    return tmp_path


def rows(text):
    return [line for line in text.splitlines() if 'arch' in line and '│' in line]


def test_the_best_come_first_and_the_front_is_marked(work_dir, capsys):
    assert main(['search', 'show', str(work_dir)]) == 0
    text = capsys.readouterr().out
    listed = [next(w for w in row.split() if w.startswith('arch')) for row in rows(text)]
    assert listed == ['arch1', 'arch2', 'arch0']
    assert ['*' in row for row in rows(text)] == [True, False, True]
    assert '4 architectures, 1 failed; * marks the 2 that no other beats in AP (greater' in text


def test_costs_sort_upwards_and_the_table_is_short(work_dir, capsys):
    options = ['--sort', 'macs', '--top', '1']
    assert main(['search', 'show', str(work_dir / 'archive.jsonl'), *options]) == 0
    (row,) = rows(capsys.readouterr().out)
    assert 'arch0' in row


def test_the_page_draws_all_and_what_they_are_compared_with(work_dir):
    page = work_dir / 'front.html'
    words = ['--page', str(page), '--mark', 'S-ViPNAS=1.46e9,0.711']
    assert main(['search', 'show', str(work_dir), *words]) == 0
    text = page.read_text()
    assert text.count('<circle') == 3
    assert '>S-ViPNAS</text>' in text


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--sort', 'PCK'], "one of ['AP', 'macs'], got PCK"),
        (['--page', 'page.html', '--mark', 'x'], '--mark must be NAME=COST,SCORE'),
    ],
)
def test_wrong_options_are_named(words, message, work_dir, capsys, monkeypatch):
    monkeypatch.chdir(work_dir)
    assert main(['search', 'show', str(work_dir), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_a_search_is_named(tmp_path, capsys):
    assert main(['search', 'show', str(tmp_path)]) == 2
    assert 'archive.jsonl must be the archive of a search' in capsys.readouterr().err


def test_shared_weights_are_ranked_against_trainings_beside_the_cost(tmp_path, capsys):
    macs = [100, 101, 102, 103, 200]
    folders = [tmp_path / name for name in ('shared', 'trained')]
    for folder in folders:
        folder.mkdir()
    cheap = write_archive(folders[0], [dict(PCK=v) for v in (0.1, 0.2, 0.3, 0.4, 0.9)], macs)
    truth = [dict(AP=v) for v in (40, 31, 22, 13, 4)]
    trained = write_archive(folders[1], truth, macs)
    assert main(['search', 'rank', cheap, '--trained', trained]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if 'tau' in line or '│' in line]
    assert 'tau with trained AP' in lines[0]
    cells = [[word.strip() for word in line.split('│')[1:-1]] for line in lines[1:]]
    assert [row[:4] for row in cells if row] == [
        ['all', '5', 'PCK, shared weights', '-1.00'],
        ['all', '5', 'macs', '-1.00'],
        ['macs within 5 %', '4', 'PCK, shared weights', '-1.00'],
        ['macs within 5 %', '4', 'macs', '-1.00'],
    ]
    assert main(['search', 'rank', cheap, '--trained', trained, '--score', 'AP']) == 2
    assert "one of ['PCK', 'macs'], got 'AP'" in capsys.readouterr().err


def test_a_random_architecture_costs_what_another_does(tmp_path, capsys):
    config, space = write_sampled_search(tmp_path)
    like, out = tmp_path / 'like.json', tmp_path / 'out.json'
    words = ['search', 'sample', str(config), str(out), '--like', str(like), '--within', '0.1']
    assert main([*words, '--seed', '3']) == 0
    text = capsys.readouterr().out
    found = load_genotype(out)
    assert f'genotype {found.id}' in text
    assert space.contains(space.from_genotype(found)) is None
    budget = dict(Config.fromfile(config).train_cfg.budget, type='Budget', limits={})
    costs = [TASK_UTILS.build(budget).measure(g)['macs'] for g in (load_genotype(like), found)]
    assert 0.9 <= costs[1] / costs[0] <= 1.1
    assert main([*words, '--cost', 'latency']) == 2
    assert (
        "cost must be one that the budget counts, ['macs'], got 'latency'"
        in capsys.readouterr().err
    )


def test_the_page_draws_architectures_in_the_order_of_trials(tmp_path):
    folder = write_archive(tmp_path, [dict(AP=v) for v in (0.5, 0.4, 0.7, 0.45)], [20, 30, 10, 40])
    write_search_page(read_search(folder, sort='AP'), tmp_path / 'page.html')
    page = (tmp_path / 'page.html').read_text()
    assert re.findall(r'trial (\d)', page) == ['0', '1', '3', '2']  # the front is drawn last


def test_a_predictor_is_reported_and_refused_below_the_limit(tmp_path, capsys):
    config, space = write_sampled_search(tmp_path)
    rng = np.random.default_rng(0)
    archs = [space.sample(rng) for _ in range(40)]
    weights = rng.normal(size=len(space.encode(archs[0])))
    for name, noise in (('lawful', 0.0), ('noisy', 1.0)):
        header = dict(algorithm=dict(objectives=dict(AP='greater')))
        archive = Archive(tmp_path / name / 'archive.jsonl', header)
        for trial, arch in enumerate(archs):
            score = (1 - noise) * float(space.encode(arch) @ weights) + noise * rng.normal()
            archive.append(Record(trial, 0, (), f'a{trial}', arch, dict(AP=score), dict(macs=1.0)))
    words = ['search', 'predict', str(config)]
    assert main([*words, str(tmp_path / 'lawful'), '--least', '0.3']) == 0
    text = capsys.readouterr().out
    assert re.search(r'predictor +│ +\+0\.[3-9]', text)
    assert '40 architectures, a fifth predicted from the others' in text
    assert main([*words, str(tmp_path / 'noisy')]) == 2
    assert 'rank correlation of at least 0.5' in capsys.readouterr().err
