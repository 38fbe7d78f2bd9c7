"""A search over the toy space through the loop, without runner and network."""

import gc
import logging
import multiprocessing
import os
import time
from pathlib import Path
from types import SimpleNamespace

from mmengine.dist import get_rank
from search.toy_space import ToyCost, ToySpace, table

from posenas.engine import SearchLoop
from posenas.engine.distributed import init_gloo, leave_gloo
from posenas.registry import TASK_UTILS
from posenas.search import EvaluationError, TableEvaluator

WAVE = 6


class Killed(BaseException):
    """Stands in for the signal that no process survives."""


@TASK_UTILS.register_module(force=True)
class SlowTableEvaluator(TableEvaluator):
    """Takes its time; one architecture out of seven fails."""

    def __init__(self, space, table, seconds=0.0, on_evaluate=None):
        super().__init__(space, table)
        self.seconds, self.on_evaluate = seconds, on_evaluate

    def evaluate(self, arch, seed, work_dir):
        if self.on_evaluate is not None:
            self.on_evaluate()
        time.sleep(self.seconds)
        if int(self.space.to_genotype(arch).id, 16) % 7 == 0:
            raise EvaluationError('it did not converge')
        return super().evaluate(arch, seed, work_dir)


def make_loop(work_dir, scores, num_waves=3, algorithm=None, seed=0, wave=WAVE, **evaluator):
    """Build the loop on a stand-in for the runner."""
    names = dict(seed=seed, work_dir=str(work_dir), rank=get_rank(), model=None)
    runner = SimpleNamespace(**names, logger=logging.getLogger('toy search'))
    Path(work_dir).mkdir(parents=True, exist_ok=True)
    objectives = dict(AP='greater', macs='less')
    own = dict(type='NSGA2', population=6, objectives=objectives)
    return SearchLoop(
        runner,
        None,
        algorithm=algorithm or own,
        evaluator={'type': 'SlowTableEvaluator', 'table': scores, **evaluator},
        wave=wave,
        num_waves=num_waves,
        space=dict(type=ToySpace.__name__),
        budget=dict(costs=[dict(type=ToyCost.__name__)], limits=dict(macs=(500, 3500))),
    )


def read_files(work_dir):
    """Content of everything that must be the same for the same search."""
    files = [Path(work_dir, 'archive.jsonl'), *sorted(Path(work_dir, 'winners').iterdir())]
    return {file.name: file.read_bytes() for file in files}


def start(work_dir, num_waves, seconds=0.0, rank=0, world_size=1, port=0):
    """Search in a process forked from this one, which spares it the imports; return it."""
    gc.collect()
    arguments = (work_dir, num_waves, seconds, rank, world_size, port)
    process = multiprocessing.get_context('fork').Process(target=_run_forked, args=arguments)
    process.start()
    return process


def _run_forked(work_dir, num_waves, seconds, rank, world_size, port):
    if world_size > 1:
        names = dict(RANK=rank, WORLD_SIZE=world_size, LOCAL_RANK=rank, MASTER_PORT=port)
        os.environ.update({name: str(value) for name, value in names.items()})
        init_gloo('pytorch')
    make_loop(work_dir, table(), num_waves, seconds=seconds).run()
    if world_size > 1:
        leave_gloo()
