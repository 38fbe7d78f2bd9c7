"""posenas compare: arms run once each, in their order, and are compared honestly."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from registry_cases import tiny_experiment

from posenas.cli import main
from posenas.experiments import queue
from posenas.experiments.plan import Arm, Plan, read_plan
from posenas.experiments.report import PREDICTIONS, RESULT, read_run
from posenas.utils import make_folder
from posenas.utils.locks import hold_lock

PLAN = """
training = dict(config={config!r}, arguments=['--no-validate'])
arms = dict(
    later=dict(options=dict(load_from='{{first.checkpoint}}'), seeds=[0, 1], **training),
    first=dict(title='the first', **training),
)
comparisons = [dict(title='later over first', baseline='first', candidate='later')]
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """A plan whose second arm is what the first needs; runs stay inside this process."""
    cfg = tiny_experiment(tmp_path)
    cfg.dump(tmp_path / 'tiny.py')
    path = tmp_path / 'plan.py'
    path.write_text(PLAN.format(config=str(tmp_path / 'tiny.py')))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, 'signal', lambda *_: None)
    return path


@pytest.fixture
def calls(monkeypatch):
    """Commands that were run."""
    done = []

    def call(lock, threads, words, log):
        done.append(words)
        return main(list(words)) == 0

    monkeypatch.setattr(queue, '_call', call)
    return done


def benchmark(path, *words):
    return main(['compare', '--plan', str(path), '--bootstrap', '20', *words])


def test_arms_run_in_the_order_of_their_needs_once_and_are_compared(plan, calls, capsys):
    assert benchmark(plan) == 0
    trained = [words[words.index('--work-dir') + 1] for words in calls if words[0] == 'train']
    folder = 'work_dirs/compare/plan/'
    assert trained == [folder + name for name in ('first_s0', 'later_s0', 'later_s1')]
    copied = (plan.parent / folder / 'later_s1.py').read_text()
    assert f"load_from = '{folder}first_s0/epoch_1.pth'" in copied
    text = capsys.readouterr().out
    assert '| the first | 1 |' in text
    assert '| later | 2 |' in text
    assert '| later over first |' in text
    results = (plan.parent / folder / 'results.md').read_text()
    assert text.endswith(results)
    assert (plan.parent / folder / 'results.png').stat().st_size > 0

    calls.clear()
    assert benchmark(plan) == 0
    assert not calls
    assert capsys.readouterr().out == results


def test_runs_on_several_sources_keep_how_far_off_they_are(tmp_path):
    arm = Arm('mixed', config='edge_found_people_160x128', seeds=[0])
    plan = Plan(dict(mixed=arm), [], tmp_path)
    (run,) = plan.runs_of('mixed')
    (metric,) = queue._configure(plan, run).test_evaluator
    assert (metric.type, metric.thr) == ('PCKAccuracy', 0.1)
    file = make_folder(run.folder) / 'distances.npz'
    assert metric.distances_file == str(file)
    distances = np.array([[0.05, np.nan], [0.2, 0.3]])
    np.savez(file, distances=distances)
    assert np.array_equal(read_run(run).distances, distances, equal_nan=True)


def test_a_cluster_needs_ray(plan, calls, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'ray', None)
    assert benchmark(plan, '--executor', 'ray') == 2
    assert 'not installed: pip install "posenas[ray]"' in capsys.readouterr().err
    assert not calls


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ray_does_what_one_process_does(plan, calls):
    pytest.importorskip('ray')
    folders = [plan.parent / name for name in ('process', 'ray')]
    for folder in folders:
        words = ['--work-dir', str(folder), '--executor', folder.name, '--arms', 'later_s0']
        assert benchmark(plan, *words) == 0
    runs = ('first_s0', 'later_s0')
    found = [[(f / run / PREDICTIONS).read_bytes() for run in runs] for f in folders]
    assert found[0] == found[1]
    assert not (folders[1] / 'later_s1').exists()
    plan.write_text(plan.read_text().replace("title='the first'", 'options=dict(log_level="INFO")'))
    (folders[1] / 'first_s0' / RESULT).unlink()
    assert benchmark(plan, *words) == 2  # the error of a task is that of the command


def test_the_score_is_that_of_the_metric(plan, calls):
    assert benchmark(plan, '--arms', 'first') == 0
    folder = plan.parent / 'work_dirs/compare/plan'
    result = json.loads((folder / 'first_s0/result.json').read_text())
    distances = read_run(read_plan(plan, folder).run_of('first', 0)).distances
    assert distances.shape == (4, 17)
    hits = np.mean(distances <= 0.05)
    assert result['scores']['PCK'] == pytest.approx(hits)


def test_commands_run_anew_until_they_went_well_and_configs_may_come_from_them(
    plan, monkeypatch, capsys
):
    plan.write_text(
        plan.read_text()
        + "arms['made'] = dict(commands=[['copy', '{folder}/net.py'], ['check', '{seed}']])\n"
        + "arms['last'] = dict(arms['first'], config='{made.folder}/net.py')\n"
    )
    folder = plan.parent / 'work_dirs/compare/plan'
    answers = dict(copy=True, check=False)
    seen = []

    def call(lock, threads, words, log):
        seen.append(words[0])
        if words[0] == 'copy':
            path = folder / 'made_s0/net.py'
            assert not path.exists()
            path.parent.mkdir(parents=True)
            path.write_text((plan.parent / 'tiny.py').read_text())
        return answers.get(words[0]) if words[0] in answers else main(list(words)) == 0

    monkeypatch.setattr(queue, '_call', call)
    assert benchmark(plan, '--arms', 'last') == 1
    assert seen == ['copy', 'check']
    assert 'last_s0 failed' in capsys.readouterr().err
    answers['check'] = True
    assert benchmark(plan, '--arms', 'last') == 0
    assert seen == ['copy', 'check', 'copy', 'check', 'train', 'test']
    assert '| last |' not in capsys.readouterr().out.split('comparison')[1]


def test_a_baseline_of_two_arms_is_interpolated(plan, calls, capsys):
    plan.write_text(
        plan.read_text().replace("baseline='first'", "baseline=['first', 'wide']")
        + "arms['wide'] = dict(options={'model.backbone.channels': (24, 16)}, **training)\n"
    )
    assert benchmark(plan) == 0
    row = next(row for row in capsys.readouterr().out.splitlines() if 'later over first' in row)
    assert row.endswith('| 1 and 1 and 2 |')


def test_what_another_process_works_on_is_waited_for(plan, calls, monkeypatch):
    """The lock is given back while this process sleeps."""
    folder = plan.parent / 'work_dirs/compare/plan'
    run = read_plan(plan, folder).run_of('first', 0)
    make_folder(folder)
    other = hold_lock(folder / f'{run.name}.lock')
    assert other.__enter__() is not None
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        assert not calls
        other.__exit__(None, None, None)

    monkeypatch.setattr(queue.time, 'sleep', sleep)
    assert benchmark(plan) == 0
    assert len(naps) == 1
    assert len(calls) == 6


def test_what_is_not_finished_is_said(plan, calls, capsys):
    assert benchmark(plan, '--no-run') == 0
    assert not calls
    assert '| later | 0 of 2 | - |' in capsys.readouterr().out
    assert benchmark(plan, '--arms', 'first') == 0
    assert '| the first | 1 |' in capsys.readouterr().out


def test_a_failed_run_stops_only_what_needs_it(plan, calls, monkeypatch, capsys):
    monkeypatch.setattr(queue, '_call', lambda *_: False)
    assert benchmark(plan) == 1
    assert [f'{name} failed' in capsys.readouterr().err for name in ('first_s0',)] == [True]


def test_a_run_does_not_go_on_with_another_config(plan, calls, capsys):
    assert benchmark(plan, '--arms', 'first') == 0
    (plan.parent / 'work_dirs/compare/plan/first_s0/result.json').unlink()
    plan.write_text(plan.read_text().replace("title='the first'", 'options=dict(log_level="INFO")'))
    capsys.readouterr()
    assert benchmark(plan, '--arms', 'first') == 2
    assert 'must go on with its first config' in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize('signum', [signal.SIGTERM, signal.SIGKILL], ids=['asked', 'killed'])
def test_an_interrupted_training_is_resumed(tmp_path, signum):
    cfg = tiny_experiment(tmp_path)
    cfg.train_cfg.max_epochs = 60
    cfg.log_level = 'INFO'
    cfg.default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts=1))
    cfg.dump(tmp_path / 'tiny.py')
    (tmp_path / 'plan.py').write_text(PLAN.format(config=str(tmp_path / 'tiny.py')))
    words = [sys.executable, '-m', 'posenas', 'compare', '--plan', 'plan.py']
    words += ['--arms', 'first', '--bootstrap', '5', '--work-dir', 'runs']
    folder = tmp_path / 'runs' / 'first_s0'

    group = dict(cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process = subprocess.Popen(words, start_new_session=True, **group)
    while not (folder / 'last_checkpoint').exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.1)
    if signum == signal.SIGKILL:  # as when memory runs out or power fails: nobody is asked
        os.killpg(process.pid, signum)
    else:
        process.send_signal(signum)
    process.communicate(timeout=60)
    assert process.returncode in (143, -signal.SIGKILL)
    assert not (folder / 'result.json').exists()

    done = subprocess.run(words, check=False, **group)
    assert done.returncode == 0, done.stderr
    assert '| the first | 1 |' in done.stdout
    costs = [json.loads(line) for line in (folder / 'costs.jsonl').read_text().splitlines()]
    parts = ['train', 'train', 'test'] if signum == signal.SIGTERM else ['train', 'test']
    assert [cost['command'] for cost in costs] == parts
    assert all(cost['cpu_minutes'] > 0 and cost['mib'] > 100 for cost in costs)
    assert 'resumed' in (folder / 'train.log').read_text().lower()
    assert (folder / 'epoch_60.pth').exists()
