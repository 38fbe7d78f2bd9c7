"""posenas search run: planned, frozen, skipped where nothing changed, and the same when killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from tiny_data import write_people

from posenas.experiments import queue, search_budget
from posenas.experiments.plan import Arm, Plan
from posenas.experiments.search_budget import SearchPlan, settle_plan
from posenas.experiments.search_data import choose_supernets, compose, read_search_data
from posenas.experiments.search_spaces import SPACES, find_space
from posenas.experiments.search_stages import SearchRun, list_last_stages
from posenas.search import Arch, Archive, Record
from posenas.utils import ConfigError

ARGUMENTS = dict(
    limits=dict(latency=50.0),
    engine='torch',
    threads=1,
    space='vipnas-res50',
    hours=1.0,
    seeds=1,
    baseline=True,
    teacher='',
)
#: Numbers of the smallest search that has all stages.
NUMBERS = dict(
    supernet_epochs=2,
    train_epochs=2,
    wave=2,
    num_waves=2,
    num_calibration=4,
    num_fit=12,
    num_test=6,
    rounds=40,
)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data')
    return read_search_data(write_people(folder, num_images=20), folder / 'out', None, 1)


@pytest.mark.parametrize(
    ('name', 'limits', 'message'),
    [
        ('posenas', dict(latency=3.0), r"without a limit of latency.*one of \[.*'vipnas-res50'"),
        ('fabrics', dict(macs=1.0), 'without a limit of macs'),
        ('vipnas', dict(macs=1.0), 'space must be one of'),
        ('vipnas-mbv3', {}, 'must have a limit, got none: give one or more of --latency'),
    ],
)
def test_what_a_space_cannot_do_is_refused_with_those_that_can(name, limits, message):
    with pytest.raises(ConfigError, match=message):
        find_space(name, limits)


def test_a_search_is_as_large_as_its_hours_allow_and_then_stays(data, tmp_path, monkeypatch):
    speeds = dict(tiny=0.01, half=0.05, full=0.2)
    measured = []

    def measure(width, *_):
        measured.append(width)
        seconds = speeds[width]
        return search_budget._Speed(4 * seconds, seconds, seconds / 3, 0.001, 1.0)

    monkeypatch.setattr(search_budget, '_measure', measure)
    monkeypatch.setattr(search_budget, '_find_reach', lambda *_: (0.5, 0.6))
    space = SPACES['vipnas-res50']
    supernets = {width: width for width in space.supernets}

    def plan(hours):
        arguments = dict(ARGUMENTS, hours=hours)
        path = tmp_path / f'{hours}.json'
        return settle_plan(path, arguments, arguments['limits'], data, space, supernets)

    small, large = plan(0.01), plan(1000.0)
    assert (small.width, large.width) == ('tiny', 'full')
    assert measured == ['tiny', 'tiny', 'half', 'full']
    assert all(small.numbers[name] <= value for name, value in large.numbers.items())
    assert sum(plan(2.0).minutes.values()) <= 120
    assert plan(0.01) == small
    with pytest.raises(ConfigError, match=r'limits was .*latency.* got .*macs.*another folder'):
        settle_plan(
            tmp_path / '0.01.json',
            dict(ARGUMENTS, hours=0.01, limits=dict(macs=1.0)),
            dict(macs=1e9),
            data,
            space,
            supernets,
        )


@pytest.mark.parametrize(
    ('limit', 'expected'),
    [
        (0.05, ['tiny']),  # none is small enough: the run says so before anything is trained
        (0.2, ['tiny']),
        (0.8, ['half']),
        (3.0, ['half', 'full']),
        (9.0, ['full']),
        (99.0, ['full']),
    ],
)
def test_supernets_that_limits_make_senseless_are_left_out(data, monkeypatch, limit, expected):
    ends = dict(tiny=(0.1, 0.3), half=(0.3, 2.0), full=(0.9, 14.0))

    def reach(width, limits, *_):
        return tuple(end / limits['latency'] for end in ends[width])

    monkeypatch.setattr(search_budget, '_find_reach', reach)
    widths = {width: width for width in ends}
    limits = dict(latency=limit)
    fitting = search_budget._fit_to_limits(widths, limits, 'torch', data, SPACES['edge'])
    assert list(fitting) == expected


def test_supernets_of_one_space_reach_further_the_wider_they_are(data):
    supernets = choose_supernets(SPACES['edge'], data)
    limits = dict(latency=1.0, macs=1e9)
    ends = [
        search_budget._find_reach(cfg, limits, 'torch', data, SPACES['edge'])
        for cfg in supernets.values()
    ]
    assert all(0 < low < high for low, high in ends)
    counted = [
        search_budget._find_reach(cfg, dict(params=1e6), 'torch', data, SPACES['edge'])
        for cfg in supernets.values()
    ]
    assert [*map(max, counted)] == sorted(map(max, counted))
    assert [*map(min, counted)] == sorted(map(min, counted))


def test_all_that_is_written_of_the_data_lies_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read_search_data(write_people(tmp_path, num_images=20), tmp_path / 'found/data', None, 1)
    names = {path.name for path in (tmp_path / 'found/data').iterdir()}
    assert {'people.py', 'people_train.json', 'people_val.json', 'people.jpg'} <= names
    assert not (tmp_path / 'outputs').exists()
    file = tmp_path / 'found/data/people_train.json'
    content = file.read_bytes()
    file.unlink()  # what is missing is made again
    read_search_data(tmp_path / 'people.json', tmp_path / 'found/data', None, 1)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ('space', 'start'), [('edge', '{found.folder}/network/network.pth'), ('posenas', None)]
)
def test_networks_start_from_supernets_that_trained_each_alone(data, tmp_path, space, start):
    plan = SearchPlan(dict(ARGUMENTS, space=space), {}, 'tiny', NUMBERS, {})
    teacher = ('teacher.py', 'teacher.pth')
    search = SearchRun(tmp_path, data, SPACES[space], plan, {}, teacher)
    arms = {arm.name: arm for arm in list_last_stages(search)}
    assert arms['searched'].options.get('load_from') == start
    words = arms['taught'].commands[0]
    assert words[words.index('--teacher-checkpoint') + 1] == 'teacher.pth'
    assert (start in words) == (start in arms['taught'].inputs) == (space == 'edge')
    assert 'teacher.pth' in arms['distilled'].inputs


def test_supernets_see_no_image_that_architectures_are_scored_on(data):
    base = choose_supernets(SPACES['vipnas-res50'], data)['tiny']
    cfg = compose(base, data, 3, is_supernet=True)
    seen = cfg.train_dataloader.dataset.image_subset
    scored = cfg.val_dataloader.dataset.image_subset
    assert (scored.start, scored.stop) == (0, seen.start)
    assert cfg.val_dataloader.dataset.ann_file == cfg.train_dataloader.dataset.ann_file
    assert cfg.model.head.out_channels == data.num_keypoints == 17
    assert (cfg.train_cfg.max_epochs, cfg.train_cfg.val_begin) == (3, 4)


def test_fabrics_need_the_keypoints_whose_parts_they_divide(data):
    assert list(choose_supernets(SPACES['fabrics'], data)) == ['coco']
    other = replace(data, skeleton=('mine', ('a', 'b')))
    with pytest.raises(ConfigError, match='parts of the body'):
        choose_supernets(SPACES['fabrics'], other)


def test_a_arm_runs_again_when_its_inputs_have_changed(tmp_path, monkeypatch):
    source, folder = tmp_path / 'source', tmp_path / 'runs'
    source.write_text('one')
    arms = dict(
        made=Arm('made', commands=[['make', '{folder}/out']], inputs=(str(source),)),
        used=Arm('used', commands=[['use']], inputs=('{made.folder}/out',), resumes=True),
    )
    plan = Plan(arms, [], folder)
    seen = []

    def call(lock, threads, words, log):
        seen.append(words[0])
        if words[0] == 'make':
            Path(words[1]).write_text(source.read_text()[:3])
        return True

    monkeypatch.setattr(queue, '_call', call)
    monkeypatch.setattr(signal, 'signal', lambda *_: None)

    def run(text):
        source.write_text(text)
        seen.clear()
        assert queue.run_plan(plan) == []
        return list(seen)

    assert run('one') == ['make', 'use']
    assert run('one') == []
    assert run('one more') == ['make']  # which makes the same as before
    (folder / 'used_s0/state').write_text('kept while the inputs are the same')
    (folder / 'used_s0/result.json').unlink()
    assert run('one more') == ['use']
    assert (folder / 'used_s0/state').exists()
    assert run('two') == ['make', 'use']
    assert not (folder / 'used_s0/state').exists()


def write_plan(folder):
    """Write the frozen plan of the smallest search."""
    people = json.loads((folder / 'people.json').read_text())
    facts = dict(keypoints=people['categories'][0]['keypoints'], input_size=[96, 128])
    (folder / 'found').mkdir()
    plan = SearchPlan(ARGUMENTS, facts, 'tiny', NUMBERS, dict(supernet=1.0))
    (folder / 'found/plan.json').write_text(json.dumps(asdict(plan)))


def start(folder):
    words = ['search', 'run', 'people.json', '--latency', '50', '--hours', '1', '--out', 'found']
    words += ['--engine', 'torch', '--space', 'vipnas-res50']
    environment = dict(os.environ, OMP_NUM_THREADS='1')
    with (folder / 'log.txt').open('a') as log:
        return subprocess.Popen(
            [sys.executable, '-m', 'posenas', *words],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


#: What a machine says that other work disturbs while it measures.
UNSETTLED = 'two measurements of the same networks must agree'
RESULTS = ('genotype.json', 'network.pth', 'network.onnx', 'network.py')


def read_results(folder):
    names = [*RESULTS, 'search_s0/archive.jsonl', 'chance_s0/archive.jsonl']
    return {name: (folder / 'found' / name).read_bytes() for name in names}


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_search_that_is_killed_ten_times_ends_with_the_same_bytes(tmp_path):
    pytest.importorskip('onnx')
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    for folder in (whole, killed):
        write_people(folder, num_images=20)
        write_plan(folder)
    for _ in range(10):
        begun = time.monotonic()
        done = start(whole).wait()
        if not (done and UNSETTLED in (whole / 'log.txt').read_text()[-500:]):
            break
    assert done == 0, (whole / 'log.txt').read_text()[-2000:]
    length = time.monotonic() - begun
    page = (whole / 'found/report.html').read_text()
    assert '(chosen)' in page
    assert page.count('<svg') == 4
    shutil.copytree(whole / 'found/table_s0', killed / 'found/table_s0')
    rng = np.random.default_rng(0)
    kills = 0
    while kills < 10:
        process = start(killed)
        try:
            process.wait(rng.uniform(0.02, 0.2) * length)
        except subprocess.TimeoutExpired:
            if rng.random() < 0.5:  # what it has started is asked to end, by the system
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        else:
            assert process.returncode == 0, (killed / 'log.txt').read_text()[-2000:]
            assert read_results(killed) == read_results(whole)
            shutil.rmtree(killed / 'found')  # kills that are left hit another run
            write_plan(killed)
            shutil.copytree(whole / 'found/table_s0', killed / 'found/table_s0')
    assert start(killed).wait() == 0, (killed / 'log.txt').read_text()[-2000:]
    assert read_results(killed) == read_results(whole)
    done = (killed / 'log.txt').read_text().count('\nstage ')
    assert start(killed).wait() == 0
    assert (killed / 'log.txt').read_text().count('\nstage ') == done > 0  # all of it is skipped


def test_the_page_shows_what_was_found_beside_chance(tmp_path):
    from posenas.apis import read_genotype
    from posenas.experiments.search_networks import DerivedNetwork
    from posenas.experiments.search_report import write_report
    from posenas.genotype import save_genotype

    work = tmp_path / 'search_s0'
    work.mkdir()
    archive = Archive(work / 'archive.jsonl', dict(algorithm=dict(objectives=dict(PCK='greater'))))
    for trial, score in enumerate((0.2, 0.5, 0.4)):
        costs = dict(latency=2.0 + trial, macs=1e8, params=1e6)
        archive.append(
            Record(trial, 0, (), f'a{trial}', Arch(dict(w=trial)), dict(PCK=score), costs)
        )
    genotype = tmp_path / 'genotype.json'
    save_genotype(read_genotype('s_vipnas_res50_coco_256x192'), genotype)
    places = [tmp_path / name for name in ('network.py', 'network.pth')]
    networks = [
        DerivedNetwork(
            kind,
            0,
            kind,
            *places,
            genotype,
            tmp_path / 'network.xml',
            dict(PCK=score),
            score,
            dict(latency=3.0, macs=1e8, params=1e6),
            3.1,
            3.5,
        )
        for kind, score in (('found', 0.61), ('random, equal cost', 0.57))
    ]
    fit = tmp_path / 'fit.json'
    names = ('tau', 'macs_tau', 'retest_tau', 'mean_error', 'worst_error')
    fit.write_text(json.dumps(dict.fromkeys(names, 0.9)))
    plan = SearchPlan(ARGUMENTS, {}, 'tiny', NUMBERS, dict(supernet=3.0))
    page = tmp_path / 'report.html'
    write_report(page, plan, networks, dict(supernet=(3.0, 2.5, 700.0)), work, fit)
    text = page.read_text()
    assert 'at most 50 ms, torch, 1 thread' in text
    assert text.count('>chosen, seed 0</text>') == 1
    assert 'random, equal cost, seed 0' in text
    assert 'predicted 3.000 ms, measured 3.100 ms, +3.3%' in text
    assert 'too few for a rank correlation' in text
    assert text.count('<svg') == 4  # search, trained, history, architecture
    assert 'src="http' not in text
    assert 'href="http' not in text
