"""SIGKILL at any moment loses no checkpoint and leaves no broken file under a checkpoint's name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _kill_toy(work_dir, keep, kills, seed):
    work_dir.mkdir()
    script = Path(__file__).with_name('kill_saver.py')
    arguments = [str(work_dir), *map(str, (keep, kills, seed))]
    result = subprocess.run(
        [sys.executable, str(script), *arguments],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=3000,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


def _check(reports, keep):
    assert [report['broken'] for report in reports] == [[]] * len(reports)
    steps = [report['step'] for report in reports]
    assert None not in steps
    assert steps == sorted(steps)
    assert steps[-1] > steps[0]
    assert max(report['files'] for report in reports) <= keep + 1
    assert any(report['saving'] for report in reports)


def test_a_killed_saver_can_always_be_resumed(tmp_path):
    _check(_kill_toy(tmp_path / 'work', keep=1, kills=6, seed=1), keep=1)


@pytest.mark.slow
@pytest.mark.parametrize('keep', [1, 3])
def test_a_saver_killed_100_times_can_always_be_resumed(tmp_path, keep):
    reports = _kill_toy(tmp_path / 'work', keep, kills=100, seed=10 + keep)
    _check(reports, keep)
    assert sum(report['saving'] for report in reports) >= 50
