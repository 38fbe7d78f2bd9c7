"""Cases for a pair of processes that share samples unevenly, run one after another over gloo.

A case is a loop, a number of samples and a size of batches; each loop is a function of these that
returns what one rank saw. ``PYTHONPATH=tests python -m engine.rank_cases`` runs all cases and
prints them as a table.
"""

import gc
import hashlib
import json
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import torch
from engine.toy_search import make_search_cfg
from engine.toy_training import make_cfg
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, METRICS
from registry_cases import CODEC, TINY_MODEL, TINY_VIPNAS, tiny_experiment
from tiny_data import write_people
from torch import distributed, nn

from posenas.engine import PoseRunner
from posenas.engine.distributed import init_gloo, leave_gloo
from posenas.search import recalibrate
from posenas.search.elastic import ElasticBatchNorm2d
from posenas.utils import ConfigError

SIZES, BATCHES = range(1, 10), range(1, 5)
SQUARE = dict(CODEC, input_size=(64, 64), heatmap_size=(16, 16))
#: Its batch norms share statistics while they train.
SUPERNET = dict(
    TINY_VIPNAS,
    type='ViPNASSupernet',
    head=dict(out_channels=17, decoder=SQUARE),
    share_statistics=True,
    data_preprocessor=TINY_MODEL['data_preprocessor'],
)
#: Seconds that a process waits for the other one.
_PATIENCE = 100
_COLLECTIVES = 'all_gather all_gather_object all_reduce barrier broadcast broadcast_object_list'


class Case(NamedTuple):
    """What both processes do together."""

    loop: str
    size: int
    batch: int


@METRICS.register_module(force=True)
class SeenSamples(BaseMetric):
    """Says how many samples of ``ToyPoses`` were scored and which: bit i stands for sample i."""

    def process(self, data_batch, data_samples):
        for target in data_batch['data_samples']:
            row, column = divmod(int(target.argmax()), 8)
            self.results.append(row + 8 * column)

    def compute_metrics(self, results):
        return dict(count=len(results), seen=sum(1 << index for index in set(results)))


@HOOKS.register_module(force=True)
class WatchHook(Hook):
    """Count batches by mode, and the collective operations of each validation and test."""

    def __init__(self):
        self.batches, self.collectives, self.scores = Counter(), [], None

    def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None, mode='train'):
        self.batches[mode] += 1

    def before_val(self, runner):
        self._stack = ExitStack()
        patches = [
            patch.object(distributed, name, wraps=getattr(distributed, name))
            for name in _COLLECTIVES.split()
        ]
        self._mocks = [self._stack.enter_context(one) for one in patches]

    def after_val(self, runner):
        self._stack.close()
        self.collectives.append(sum(mock.call_count for mock in self._mocks))

    def after_val_epoch(self, runner, metrics=None):
        self.scores = metrics

    before_test, after_test, after_test_epoch = before_val, after_val, after_val_epoch


@HOOKS.register_module(force=True)
class SignalInValidationHook(Hook):
    """Send SIGTERM to the processes of ``ranks`` in their first validation, before ``batch``.

    Batch -1 is the moment before all batches, also where there is none.
    """

    def __init__(self, ranks, batch):
        self.ranks, self.batch = ranks, batch

    def _send(self, runner, batch):
        if runner.rank in self.ranks and batch == self.batch:
            self.ranks = ()
            os.kill(os.getpid(), signal.SIGTERM)

    def before_val_epoch(self, runner):
        self._send(runner, -1)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        self._send(runner, batch_idx)


def make_toy_cfg(work_dir, size, batch, **options):
    """Config of the toy training that also tests, on ``size`` samples each time."""
    hooks = [dict(type='WatchHook'), *options.pop('hooks', ())]
    shared = dict(launcher='pytorch', hooks=hooks, ema='ExpMomentumEMA', interval=1000)
    cfg = make_cfg(work_dir, length=size, batch=batch, **shared, **options)
    cfg.val_dataloader.sampler.round_up = False
    cfg.val_evaluator = dict(type='SeenSamples')
    cfg.test_cfg, cfg.test_dataloader = dict(), cfg.val_dataloader
    cfg.test_evaluator = cfg.val_evaluator
    return cfg


def observe(runner):
    """Say what a rank saw: batches, collective operations, scores, and a digest of its weights."""
    watch = next(hook for hook in runner.hooks if isinstance(hook, WatchHook))
    model = getattr(runner.model, 'module', runner.model)
    values = b''.join(value.detach().numpy().tobytes() for value in model.parameters())
    return dict(
        watch.batches,
        collectives=watch.collectives,
        scores=watch.scores,
        weights=hashlib.sha256(values).hexdigest(),
    )


def make_runner(cfg):
    return PoseRunner.from_cfg(
        Config(cfg.to_dict(), format_python_code=False)
    )  # formatting is slow


def run(cfg, mode='train'):
    """Train, validate or test, and tell what the rank saw."""
    runner = make_runner(cfg)
    getattr(runner, mode)()
    return observe(runner)


def train_by_epoch(folder, size, batch):
    return run(make_toy_cfg(folder, size, batch, epochs=2))


def train_by_iter(folder, size, batch):
    return run(make_toy_cfg(folder, size, batch, by_epoch=False, max_iters=4, val_interval=2))


def train_unpadded(folder, size, batch):
    cfg = make_toy_cfg(folder, size, batch, epochs=2)
    cfg.train_dataloader.sampler.round_up = False
    try:
        return run(cfg)
    except ConfigError as error:
        return dict(refused=str(error))


def validate(folder, size, batch):
    return run(make_toy_cfg(folder, size, batch), 'val')


def test(folder, size, batch):
    return run(make_toy_cfg(folder, size, batch), 'test')


def search_by_gradients(folder, size, batch):
    cfg = make_search_cfg(folder, 'first_order', epochs=2)
    for loader in (cfg.train_dataloader, cfg.train_cfg.arch_dataloader):
        loader.update(batch_size=batch, dataset=dict(type='NoiseMaps', length=size))
    cfg.update(launcher='pytorch', custom_hooks=[dict(type='WatchHook')])
    return run(cfg)


@cache
def prepare_people(root):
    """Write 9 people on 5 pictures below ``root``, once, and return a config of their training."""
    cfg = tiny_experiment(root)
    file = write_people(root, num_images=9)
    data = json.loads(file.read_text())
    for annotation in data['annotations']:
        annotation['image_id'] -= (annotation['image_id'] - 1) % 2
    file.write_text(json.dumps(data))
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for step in cfg[name].dataset.pipeline:
            step.update({key: SQUARE[key] for key in step if key == 'input_size'})
            step.update({key: SQUARE for key in step if key == 'encoder'})
    cfg.model.head.decoder = SQUARE
    coco = dict(type='CocoMetric', ann_file=str(file))
    cfg.val_evaluator = cfg.test_evaluator = [dict(type='PCKAccuracy'), coco]
    cfg.visualizer = dict(type='PoseLocalVisualizer', vis_backends=[])
    return cfg


def make_people_cfg(folder, size, batch, hooks=(), **changes):
    """Config of a training on the first of the people beside ``folder``."""
    cfg = prepare_people(folder.parent).copy()
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].update(batch_size=batch)
        cfg[name].dataset.indices = size
        cfg[name].sampler.round_up = name == 'train_dataloader'
    own = dict(custom_hooks=[dict(type='WatchHook'), *hooks], launcher='pytorch')
    return Config({**cfg.to_dict(), **own, **changes, 'work_dir': str(folder)})


def train_and_draw(folder, size, batch):
    hooks = [
        dict(type='PoseVisualizationHook', enable=True, interval=1, out_dir='shown'),
        dict(type='BadCaseAnalysisHook', enable=True, interval=1, badcase_thr=0),
        dict(type='EMAHook', momentum=0.1),
    ]
    cfg = make_people_cfg(folder, size, batch, hooks)
    trained = run(cfg)
    cfg.test_evaluator.append(dict(type='ResultFile', out_file=str(folder / 'poses.json')))
    tested = run(cfg, 'test')
    distributed.barrier()
    cases = [json.loads(path.read_text()) for path in folder.rglob('results*.json')]
    return dict(
        trained,
        tested=tested,
        drawn=len(list(folder.rglob('*.jpg'))),
        bad_cases=sum(map(len, cases)),
        poses=len(json.loads((folder / 'poses.json').read_text())),
    )


def train_supernet(folder, size, batch):
    scoring = dict(type='SubnetScoresHook', interval=1, num_random=0, num_calibration=3)
    loop = dict(type='SupernetLoop', max_epochs=1, num_paths=3)
    return run(make_people_cfg(folder, size, batch, [scoring], model=SUPERNET, train_cfg=loop))


def search(folder, size, batch):
    """Score as many candidates as there are people, so that one rank may have neither."""
    loop = dict(
        type='SearchLoop',
        algorithm=dict(type='RandomSearch', objectives=dict(PCK='greater')),
        evaluator=dict(type='SupernetEvaluator'),
        wave=size,
        num_waves=1,
        num_calibration=3,
    )
    cfg = make_people_cfg(folder, size, batch, model=SUPERNET, train_cfg=loop)
    watch = WatchHook()
    watch.before_val(None)
    found = run(cfg)
    watch.after_val(None)
    distributed.barrier()
    trials = len((folder / 'archive.jsonl').read_text().splitlines()) - 1
    return dict(found, collectives=watch.collectives, trials=trials)


def recalibrate_apart(folder, size, batch):
    """Measure statistics of as many batches as this rank has samples, possibly none."""
    first, second = nn.SyncBatchNorm(3), ElasticBatchNorm2d(nn.BatchNorm2d(3))
    second.is_shared = True
    samples = range(distributed.get_rank(), size, 2)
    batches = (torch.full((batch, 3, 2, 2), float(index)) for index in samples)
    recalibrate(nn.Sequential(first, second), batches)
    restored = second.is_shared and 'forward' not in vars(first)
    return dict(mean=float(first.running_mean[0]), restored=restored)


def stop_in_validation(ranks, batch_idx, **options):
    """Make a loop in which these ranks get SIGTERM in their first validation."""

    def stop(folder, size, batch):
        options.setdefault('epochs', 2)
        straight = run(make_toy_cfg(folder / 'straight', size, batch, **options))
        hook = dict(type='SignalInValidationHook', ranks=ranks, batch=batch_idx)
        cfg = make_toy_cfg(folder / 'stopped', size, batch, hooks=[hook], **options)
        runner, code = make_runner(cfg), 0
        try:
            runner.train()
        except SystemExit as stopped:
            code = stopped.code
        saved = torch.load(folder / 'stopped' / 'interrupted.pth')['meta']['iter']
        resumed = run(make_toy_cfg(folder / 'stopped', size, batch, resume=True, **options))
        same = straight['weights'] == resumed['weights']
        left_after = observe(runner).get('val', 0)
        return dict(resumed, code=code, saved_at=saved, left_after=left_after, same=same)

    return stop


LOOPS = dict(
    epochs=train_by_epoch,
    iterations=train_by_iter,
    unpadded=train_unpadded,
    val=validate,
    test=test,
    drawing=train_and_draw,
    supernet=train_supernet,
    search=search,
    gradients=search_by_gradients,
    recalibration=recalibrate_apart,
    stop_first=stop_in_validation([0], 0),
    stop_second=stop_in_validation([1], -1),
    stop_both=stop_in_validation([0, 1], 0),
    stop_late=stop_in_validation(
        [1], -1, by_epoch=False, max_iters=6, val_interval=3, accumulate=2
    ),
)

#: Every loop with every number of samples; signals with two sizes of batches.
EVERY = [
    Case(loop, size, batch)
    for loop, batch, size in product(LOOPS, BATCHES, SIZES)
    if (batch in (1, 3) or not loop.startswith('stop'))
    # a search by gradients drops batches that are not full, and refuses to have none at all
    and (loop != 'gradients' or -(-size // 2) >= batch)
]


def run_pair(root, cases, limit):
    """Run ``cases`` in two processes and return, for each, what both saw.

    Raises:
        AssertionError: A process fails, or they take more than ``limit`` seconds; a process that
            waits longer than ``_PATIENCE`` for the other one fails.
    """
    prepare_people(root)
    gc.collect()  # a copy of earlier data loaders must not end their workers
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    context, end = multiprocessing.get_context('fork'), time.monotonic() + limit
    ranks = [context.Process(target=_run_rank, args=(root, cases, rank, port)) for rank in (0, 1)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(max(0, end - time.monotonic()))
        process.kill()
        process.join()
    files = [root / f'rank_{rank}.jsonl' for rank in (0, 1)]
    outcomes = [list(map(json.loads, file.read_text().splitlines())) for file in files]
    last = [cases[len(done)] if len(done) < len(cases) else 'the end' for done in outcomes]
    codes = [process.exitcode for process in ranks]
    assert codes == [0, 0], f'exit codes {codes} in {last[0]} and {last[1]}'
    return {case: pair for case, *pair in zip(cases, *outcomes, strict=True)}


def _run_rank(root, cases, rank, port):
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    os.chdir(root)  # where results of ranks meet
    torch.set_num_threads(1)
    with open(root / f'rank_{rank}.jsonl', 'w', encoding='utf-8') as file:
        init_gloo('pytorch', _PATIENCE)
        for case in cases:
            outcome = LOOPS[case.loop](root / '_'.join(map(str, case)), case.size, case.batch)
            file.write(json.dumps(outcome) + '\n')
            file.flush()
    leave_gloo()


def _cell(first, second):
    """Say how many iterations or trials there were, and batches of validation or test."""
    if 'refused' in first:
        return 'refused'
    both = {**first, **second}
    modes = [mode for mode in ('train', 'trials', 'val', 'test', 'code') if mode in both]
    steps = [f'{mode} {first.get(mode, 0)}/{second.get(mode, 0)}' for mode in modes]
    return ', '.join(steps) or 'done'


def print_matrix(outcomes):
    """Print a row for each loop and size of batches, a column for each number of samples."""
    print('| loop | batch |' + ''.join(f' {size} |' for size in SIZES))
    print('|---|---|' + '---|' * len(SIZES))
    for loop, batch in dict.fromkeys((case.loop, case.batch) for case in outcomes):
        cells = [_cell(*outcomes[Case(loop, size, batch)]) for size in SIZES]
        print(f'| {loop} | {batch} | {" | ".join(cells)} |')


if __name__ == '__main__':
    with tempfile.TemporaryDirectory() as folder:
        print_matrix(run_pair(Path(folder), EVERY, limit=3600))
