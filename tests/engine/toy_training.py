"""A training small enough to repeat hundreds of times, with every source of randomness.

Also a script, for tests that kill or launch processes: ``toy_training.py WORK_DIR [JSON options]``
trains and, when done, leaves ``final.pth`` with the weights.
"""

import gc
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset

from posenas.engine import PoseRunner
from posenas.engine.distributed import leave_gloo


@DATASETS.register_module(force=True)
class ToyPoses(Dataset):
    """Noisy pictures of one bright spot; the noise is drawn from (seed, epoch, index)."""

    def __init__(self, length=10, seed=0):
        self.metainfo = dict(dataset_name='toy')
        self.length = length
        self.seed = seed

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        rng = np.random.default_rng([self.seed, getattr(index, 'epoch', 0), int(index)])
        target = np.zeros((1, 8, 8), np.float32)
        target[0, int(index) % 8, int(index) // 8 % 8] = 1
        inputs = target.repeat(3, 0) + rng.normal(scale=0.3, size=(3, 8, 8)).astype(np.float32)
        return dict(inputs=torch.from_numpy(inputs), data_samples=torch.from_numpy(target))


@MODELS.register_module(force=True)
class ToyPoseNet(BaseModel):
    """Convolution, batch normalisation and dropout; predicts the spot."""

    def __init__(self, width=6):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        inputs = torch.stack(inputs) if isinstance(inputs, list) else inputs
        maps = self.last(self.drop(self.norm(self.conv(inputs)).relu()))
        if mode == 'loss':
            error = functional.mse_loss(maps, torch.stack(data_samples))
            return dict(loss_kpt=10 * error, acc_pose=maps.detach().mean())
        return maps if mode == 'tensor' else list(maps)


@METRICS.register_module(force=True)
class ToyScore(BaseMetric):
    """Mean height of the predicted maps; any number that depends on the weights would do."""

    def process(self, data_batch, data_samples):
        self.results += [float(sample.mean()) for sample in data_samples]

    def compute_metrics(self, results):
        return dict(score=np.float32(np.mean(results)))


@HOOKS.register_module(force=True)
class SignalSelfHook(Hook):
    """Send ``signum`` to this process after ``at`` iterations, in training or validation."""

    def __init__(self, at, signum=signal.SIGKILL, stage='train', rank=0):
        self.at, self.signum, self.stage, self.rank = at, signum, stage, rank

    def _before_iter(self, runner, batch_idx, data_batch=None, mode='train'):
        if (mode, runner.iter, runner.rank) == (self.stage, self.at, self.rank):
            os.kill(os.getpid(), self.signum)


@HOOKS.register_module(force=True)
class FailHook(Hook):
    """Let a rank fail after ``at`` iterations: by an exception, a kill or a hang."""

    def __init__(self, at, how, rank):
        self.at, self.how, self.rank = at, how, rank

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if (runner.iter, runner.rank) != (self.at, self.rank):
            return
        Path(runner.work_dir, 'failed').touch()
        if self.how == 'exception':
            raise RuntimeError('a rank fails')
        if self.how == 'kill':
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(3600)


@HOOKS.register_module(force=True)
class PoisonHook(Hook):
    """Put a NaN or infinity into ``where`` at each of the ``iterations``, ``times`` at most."""

    priority = 'LOWEST'

    def __init__(self, where, iterations, times=None, rank=0):
        self.where, self.iterations, self.times, self.rank = where, iterations, times, rank
        self.handle = None

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if self.handle is not None:
            self.handle.remove()
        if runner.iter not in self.iterations or self.times == 0 or runner.rank != self.rank:
            return
        self.times = None if self.times is None else self.times - 1
        model = getattr(runner.model, 'module', runner.model)
        if self.where == 'input':
            data_batch['inputs'][0][0, 0, 0] = float('nan')
        elif self.where == 'target':
            data_batch['data_samples'][0][0, 0, 0] = float('inf')
        elif self.where == 'gradient':
            self.handle = model.last.weight.register_hook(lambda grad: grad * float('nan'))
        elif self.where == 'buffer':
            model.norm.running_mean[0] = float('nan')
        elif self.where == 'weight':
            model.conv.weight.data[0] = float('nan')


def make_cfg(
    work_dir,
    *,
    by_epoch=True,
    ema=None,
    amp=False,
    accumulate=1,
    workers=0,
    batch=2,
    length=10,
    epochs=3,
    max_iters=15,
    optimizer=None,
    schedulers=None,
    hooks=(),
    default_hooks=None,
    interval=1,
    keep=-1,
    save_by_epoch=False,
    validate=True,
    seed=3,
    sampler=None,
    val_interval=None,
    **extra,
):
    """Make a config; every keyword changes one aspect of the training."""
    loader = dict(
        batch_size=batch,
        num_workers=workers,
        persistent_workers=workers > 0,
        dataset=dict(type='ToyPoses', length=length),
    )
    kind = sampler or ('DefaultSampler' if by_epoch else 'InfiniteSampler')
    custom_hooks = list(hooks)
    if ema:
        custom_hooks.append(dict(type='EMAHook', ema_type=ema, momentum=0.1, priority=49))
    step = val_interval or (1 if by_epoch else 5)
    validation = dict(
        val_cfg=dict(),
        val_dataloader=dict(
            loader,
            num_workers=0,
            persistent_workers=False,
            sampler=dict(type='DefaultSampler', shuffle=False),
        ),
        val_evaluator=dict(type='ToyScore'),
    )
    cfg = dict(
        default_scope='posenas',
        work_dir=str(work_dir),
        model=dict(type='ToyPoseNet'),
        train_dataloader=dict(loader, sampler=dict(type=kind, shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=step)
        if by_epoch
        else dict(by_epoch=False, max_iters=max_iters, val_interval=step),
        optim_wrapper=dict(
            type='AmpOptimWrapper' if amp else 'OptimWrapper',
            accumulative_counts=accumulate,
            optimizer=optimizer or dict(type='Adam', lr=0.01),
            **(dict(dtype='bfloat16') if amp else {}),
        ),
        param_scheduler=schedulers or [],
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                interval=interval,
                by_epoch=save_by_epoch,
                max_keep_ckpts=keep,
            ),
            logger=dict(type='LoggerHook', interval=2),
            **(default_hooks or {}),
        ),
        custom_hooks=custom_hooks,
        log_processor=dict(window_size=3, by_epoch=by_epoch),
        randomness=dict(seed=seed),
        log_level='ERROR',
    )
    content = {**cfg, **(validation if validate else {}), **extra}
    return Config(content, format_python_code=False)  # formatting is slow


def train(cfg):
    """Train to the end and return the runner."""
    runner = PoseRunner.from_cfg(cfg)
    runner.train()
    return runner


def weights(runner):
    """Copy all weights and buffers of a runner, those of an average included."""
    averages = [hook.ema_model for hook in runner.hooks if hasattr(hook, 'ema_model')]
    return {
        f'{number}.{name}': value.clone()
        for number, model in enumerate([runner.model, *averages])
        for name, value in model.state_dict().items()
    }


def largest_difference(first, second):
    """Largest difference between two dicts of tensors with the same keys."""
    assert first.keys() == second.keys()
    return max(float((first[key].double() - second[key].double()).abs().max()) for key in first)


def logged(runner):
    """All that a training logged, line by line, without what clocks say."""
    lines = Path(runner.log_dir, 'vis_data', 'scalars.json').read_text().splitlines()
    clocks = {'time', 'data_time', 'memory'}
    return [{k: v for k, v in json.loads(line).items() if k not in clocks} for line in lines]


def script(work_dir, options, num_processes=1):
    """Command line that runs this file as a script, over torchrun for several processes."""
    arguments = [__file__, str(work_dir), json.dumps(options)]
    if num_processes == 1:
        return [sys.executable, *arguments]
    launch = ['-m', 'torch.distributed.run', '--standalone', f'--nproc-per-node={num_processes}']
    return [sys.executable, *launch, *arguments]


def start(work_dir, options, environment=None):
    """Start the training in a process forked from this one, which spares it the imports."""
    gc.collect()  # a copy of earlier data loaders must not end their workers
    arguments = (work_dir, options, environment)
    process = multiprocessing.get_context('fork').Process(target=_train_forked, args=arguments)
    process.start()
    return process


def _train_forked(work_dir, options, environment):
    os.setsid()  # signals to its group shall not reach the tests
    os.environ.update(environment or {})
    train_and_leave_weights(work_dir, options)
    leave_gloo()


def train_and_leave_weights(work_dir, options):
    """Train in this process, alone or as one of several, and write ``final.pth``."""
    torch.set_num_threads(1)
    runner = train(make_cfg(work_dir, **options))
    if runner.rank == 0:
        torch.save(weights(runner), Path(work_dir, 'final.pth'))


if __name__ == '__main__':
    train_and_leave_weights(sys.argv[1], json.loads(sys.argv[2]) if sys.argv[2:] else {})
