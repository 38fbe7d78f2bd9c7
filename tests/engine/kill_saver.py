"""Kill a toy training again and again while it saves, and look at what is left.

The trainings are forked, so that each costs a fraction of a second.
"""

import json
import os
import re
import signal
import time
import traceback

import numpy as np
import torch
from engine.toy_training import ToyPoseNet, make_cfg, train
from mmengine.registry import MODELS

from posenas.utils import CheckpointError, find_latest_checkpoint, load_checkpoint_file


@MODELS.register_module(force=True)
class HeavyPoseNet(ToyPoseNet):
    """Spends most of its time in saving: 4 MB that are not trained."""

    def __init__(self):
        super().__init__()
        self.register_buffer('ballast', torch.rand(1_000_000))


def start_training(work_dir, keep):
    """Fork an endless training that resumes what is there; return its process id."""
    process = os.fork()
    if process:
        return process
    cfg = make_cfg(work_dir, epochs=10**6, length=2, validate=False, seed=0)
    cfg.model.type = 'HeavyPoseNet'
    cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1, max_keep_ckpts=keep)
    cfg.resume = True
    try:
        train(cfg)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def wait_for(condition, process, pause, timeout=120):
    """Wait until ``condition()`` holds while the training ``process`` lives."""
    end = time.monotonic() + timeout
    while not condition():
        if os.waitpid(process, os.WNOHANG)[0]:
            raise RuntimeError('the training ended by itself, see above')
        if time.monotonic() > end:
            raise TimeoutError('the training never saved')
        time.sleep(pause)


def inspect(work_dir):
    """Tell how far the latest checkpoint is and which files with a checkpoint's name are broken."""
    broken = []
    for path in work_dir.glob('*.pth'):
        try:
            load_checkpoint_file(path)
        except CheckpointError:
            broken.append(path.name)
    latest = find_latest_checkpoint(work_dir)
    step = None if latest is None else load_checkpoint_file(latest)['meta']['iter']
    return dict(step=step, broken=broken, files=len(list(work_dir.glob('*.pth'))))


def kill(process):
    """End a training without warning."""
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def stop_while_saving(work_dir, old, process):
    """Stop a training at a moment at which it has an unfinished file that is not in ``old``."""

    def is_saving():
        return bool(set(work_dir.glob('.*.part')) - old)

    while True:
        wait_for(is_saving, process, pause=0.003)
        os.kill(process, signal.SIGSTOP)
        os.waitpid(process, os.WUNTRACED)
        if is_saving():
            return
        os.kill(process, signal.SIGCONT)


def wait_for_progress(work_dir, step, process):
    """Wait until a checkpoint after ``step`` is complete."""

    def is_beyond():
        last = work_dir / 'last_checkpoint'
        return last.exists() and int(re.sub(r'\D', '', last.read_text())) > step

    wait_for(is_beyond, process, pause=0.02)


def kill_again_and_again(work_dir, keep, kills, seed):
    """Kill ``kills`` trainings and report on the folder after each; the last one may get on.

    The report is left in ``report.json`` of the folder.
    """
    import matplotlib.pyplot  # noqa: F401  (else every training imports it again)
    import torch._dynamo

    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    process = start_training(work_dir, keep)
    wait_for_progress(work_dir, 0, process)  # before the first save there is nothing to lose
    kill(process)
    reports = [dict(saving=False, **inspect(work_dir))]
    for index in range(kills):
        old = set(work_dir.glob('.*.part'))  # of the run killed before
        process = start_training(work_dir, keep)
        stop_while_saving(work_dir, old, process)
        if index % 2:  # else it dies in the save
            os.kill(process, signal.SIGCONT)
            time.sleep(rng.exponential(0.1))
        kill(process)
        saving = bool(list(work_dir.glob('.*.part')))
        reports.append(dict(saving=saving, **inspect(work_dir)))
    process = start_training(work_dir, keep)
    wait_for_progress(work_dir, reports[-1]['step'], process)
    kill(process)
    reports.append(dict(saving=False, **inspect(work_dir)))
    (work_dir / 'report.json').write_text(json.dumps(reports))
