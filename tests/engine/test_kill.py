"""SIGKILL at any moment loses no checkpoint and leaves no broken file under a checkpoint's name."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from engine.kill_saver import kill_again_and_again

from posenas.utils import find_latest_checkpoint, load_checkpoint_file

ROOT = Path(__file__).resolve().parents[2]


def _kill_toy(work_dir, keep, kills, seed):
    work_dir.mkdir()
    process = multiprocessing.get_context('fork').Process(
        target=kill_again_and_again, args=(work_dir, keep, kills, seed)
    )
    process.start()
    process.join(3000)
    assert process.exitcode == 0
    return json.loads((work_dir / 'report.json').read_text())


def _check(reports, keep):
    assert [report['broken'] for report in reports] == [[]] * len(reports)
    steps = [report['step'] for report in reports]
    assert None not in steps
    assert steps == sorted(steps)
    assert steps[-1] > steps[0]
    assert max(report['files'] for report in reports) <= keep + 1
    kills = reports[1:-1]
    assert sum(report['saving'] for report in kills) >= len(kills) / 2


def test_a_killed_saver_can_always_be_resumed(tmp_path):
    _check(_kill_toy(tmp_path / 'work', keep=1, kills=4, seed=1), keep=1)


@pytest.mark.slow
@pytest.mark.parametrize('keep', [1, 3])
def test_a_saver_killed_100_times_can_always_be_resumed(tmp_path, keep):
    reports = _kill_toy(tmp_path / 'work', keep, kills=100, seed=10 + keep)
    _check(reports, keep)


def _command(work_dir):
    """Train the full S-ViPNAS-Res50, saving after every iteration and keeping one checkpoint."""
    config = ROOT / 'configs/top_down/vipnas/synthetic/s_vipnas_res50_synthetic_128x96.py'
    options = {
        'default_hooks.checkpoint.by_epoch': False,
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.checkpoint.max_keep_ckpts': 1,
        'train_dataloader.batch_size': 2,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'train_cfg.max_epochs': 10**6,
    }
    overrides = [f'{key}={value}' for key, value in options.items()]
    command = [sys.executable, str(ROOT / 'tools' / 'train.py'), str(config), '--resume']
    return [*command, '--work-dir', str(work_dir), '--no-validate', '--cfg-options', *overrides]


class _Launcher:
    """Starts trainings in ``folder`` and kills them, process group and all."""

    def __init__(self, folder):
        self.folder, self.work_dir = folder, folder / 'work'
        self.log = folder / 'log.txt'

    def start(self):
        environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}
        with open(self.log, 'w') as log:
            self.process = subprocess.Popen(
                _command(self.work_dir),
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until(self, condition, timeout=300):
        end = time.monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < end, self.log.read_text()[-3000:]
            time.sleep(0.002)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def parts(self):
        return set(self.work_dir.glob('.*.part'))


@pytest.mark.slow
def test_train_py_of_the_full_network_killed_30_times_can_always_be_resumed(tmp_path):
    people = [sys.executable, '-m', 'posenas', 'dataset', 'synthetic', '--num-images', '8']
    subprocess.run(
        [*people, '--out', str(tmp_path / 'data' / 'synthetic' / 'train')],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        check=True,
        capture_output=True,
    )
    launcher, rng = _Launcher(tmp_path), np.random.default_rng(0)
    launcher.start()
    launcher.wait_until((launcher.work_dir / 'last_checkpoint').exists)
    launcher.kill()
    steps, during_save = [], 0
    for kill in range(30):
        old = launcher.parts()
        launcher.start()
        launcher.wait_until(lambda old=old: launcher.parts() - old)
        time.sleep(rng.uniform(0, 0.15) if kill % 4 else rng.uniform(0, 5))
        launcher.kill()
        during_save += bool(launcher.parts())
        for path in launcher.work_dir.glob('*.pth'):
            load_checkpoint_file(path)  # raises if it is truncated
        latest = find_latest_checkpoint(launcher.work_dir)
        steps.append(load_checkpoint_file(latest)['meta']['iter'])
    print(f'{during_save} of 30 kills during a save; iterations after each: {steps}')
    assert steps == sorted(steps)
    assert during_save >= 20
    launcher.start()
    launcher.wait_until((launcher.work_dir / f'iter_{steps[-1] + 1}.pth').exists)
    launcher.kill()
