"""Work done by two processes forked from the tests, which spares them the imports."""

import gc
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed

from posenas.engine.distributed import leave_gloo


def run_ranks(work: Callable[..., None], *arguments: object) -> None:
    """Run ``work(rank, *arguments)`` in two processes, on one thread each."""
    gc.collect()  # a copy of earlier data loaders must not end their workers
    context = multiprocessing.get_context('fork')
    ranks = [context.Process(target=_work, args=(work, rank, *arguments)) for rank in range(2)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(300)
    assert [process.exitcode for process in ranks] == [0, 0]


def _work(work: Callable[..., None], rank: int, *arguments: object) -> None:
    torch.set_num_threads(1)
    work(rank, *arguments)
    leave_gloo()


def join_gloo(rank: int, folder: Path) -> None:
    """Join a group of two that meets in a folder of its own."""
    store = distributed.FileStore(str(folder / 'store'), 2)
    distributed.init_process_group('gloo', store=store, rank=rank, world_size=2)
