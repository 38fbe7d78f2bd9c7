"""Plans are submitted to SLURM as arrays, each of what needs only earlier ones."""

import os
import subprocess

import pytest

from posenas.cli import main

PLAN = """
arms = dict(
    later=dict(config='a.py', seeds=[0, 1], options=dict(load_from='{first.checkpoint}')),
    first=dict(config='a.py', arguments=['--no-validate']),
    other=dict(config='b.py'),
)
"""
#: Does at once what it is asked to submit.
SBATCH = """#!/usr/bin/env bash
set -e
echo "$@" >> asked
for word in "$@"; do
    case $word in --array=*) range=${word#--array=} ;; esac
done
for number in $(seq ${range%-*} ${range#*-}); do
    SLURM_ARRAY_TASK_ID=$number bash "${@: -1}" >> done
done
echo "7${range%-*};cluster"
"""


@pytest.fixture
def script(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'my plan.py').write_text(PLAN)
    for name, text in dict(sbatch=SBATCH, python='#!/bin/sh\necho "$@"\n').items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    words = ['compare', '--plan', 'my plan.py', '--work-dir', 'runs', '--threads', '2']
    assert main([*words, '--write-slurm', 'plan.sh']) == 0
    assert 'wrote plan.sh: 4 runs in 2 arrays' in capsys.readouterr().out
    return './plan.sh'


def start(script, *words, **variables):
    environment = dict(os.environ, PATH=f'.{os.pathsep}{os.environ["PATH"]}', **variables)
    return subprocess.run([script, *words], env=environment, capture_output=True, text=True)


def test_each_run_is_a_task_behind_those_that_it_needs(script, tmp_path):
    done = start(script, 'gpu', 'my job', SBATCH_ARGS='--gres=gpu:1 --time=60')
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ['array 70: 2 runs', 'array 72: 2 runs']
    first, second = (tmp_path / 'asked').read_text().splitlines()
    common = '--parsable --partition=gpu --job-name=my job --cpus-per-task=2'
    assert first == f'{common} --array=0-1 --gres=gpu:1 --time=60 ./plan.sh'
    assert second == f'{common} --array=2-3 --dependency=afterany:70 {first.split("0-1 ")[1]}'
    command = '-m posenas compare --plan my plan.py --work-dir runs --threads 2 --arms'
    runs = ('first_s0', 'other_s0', 'later_s0', 'later_s1')
    assert (tmp_path / 'done').read_text().splitlines() == [f'{command} {run}' for run in runs]


def test_the_script_explains_itself(script):
    done = start(script)
    assert done.returncode == 2
    assert done.stderr == 'usage: ./plan.sh PARTITION JOB\n'
