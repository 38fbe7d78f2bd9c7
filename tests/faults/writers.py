"""Commands that write, killed or stopped by a full disk at any byte, and repeated."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from engine.taught_training import make_cfg, write_data
from engine.toy_training import train
from golden.seeded import draw_state_dict, load_manifest
from registry_cases import tiny_experiment
from search.derived_samples import write_experiment
from search.latency.test_latency import SPACES, plan_table
from search.toy_run import make_loop, read_files
from search.toy_space import table

from faults.children import DELIBERATE, DONE, UNEXPECTED, do
from faults.outcome import Outcome
from posenas.cli import main
from posenas.datasets.synthetic import SyntheticSpec, build_synthetic
from posenas.search import read_archive
from posenas.search.latency.table import LatencyTable
from posenas.utils import PoseNASError, find_latest_checkpoint, load_checkpoint_file
from posenas.utils.config import load_config

ROOT = Path(__file__).resolve().parents[2]
PLAN = """
training = dict(config={config!r}, arguments=['--no-validate'])
cells = dict(first=dict(title='the first', **training))
"""


@dataclass(frozen=True)
class Task:
    """Something that writes.

    Attributes:
        name: What it writes.
        do: Does it into a folder, or goes on with what is there.
        read: Gives what a reader of the folder finds, and raises if that is broken; None where
            there is nothing yet.
        with_limits: Whether limits on files reach it; not where it starts other processes.
    """

    name: str
    do: Callable[[Path], object]
    read: Callable[[Path], object]
    with_limits: bool = True


def _run(*words: object) -> None:
    code = main([str(word) for word in words])
    if code == DELIBERATE:
        raise PoseNASError(f'{words[0]} ended with a deliberate error')
    if code:
        raise SystemExit(code)


def _digest(folder: Path) -> dict[str, str] | None:
    files = [path for path in sorted(folder.rglob('*')) if path.is_file()]
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in files} or None


def _read_network(folder: Path) -> object:
    """Read config, weights and genotype of a derived folder."""
    out = folder / 'out'
    if not out.exists():
        return None
    load_config(out / 'out.py')
    weights = load_checkpoint_file(out / 'out.pth')['state_dict']
    genotype = json.loads((out / 'genotype.json').read_text())
    return genotype, {k: float(v.double().sum()) for k, v in weights.items()}


def _read_search(folder: Path) -> object:
    if not (folder / 'archive.jsonl').exists():
        return None
    read_archive(folder)
    return read_files(folder) if (folder / 'winners').exists() else 'begun'


def _read_weights(path: Path) -> object:
    if not path.exists():
        return None
    state = load_checkpoint_file(path)['state_dict']
    return {k: float(v.double().sum()) for k, v in state.items()}


def _read_plan(folder: Path) -> object:
    result = folder / 'work_dirs' / 'lspet' / 'plan' / 'first_s0' / 'result.json'
    if not result.exists():
        return None
    found = json.loads(result.read_text())
    return found['scores']


def _read_cache(folder: Path) -> object:
    """Read how the training ended; records of the cache that are whole are read by it again."""
    latest = find_latest_checkpoint(folder / 'work')
    return None if latest is None else _read_weights(Path(latest))


def make_tasks(inputs: Path) -> list[Task]:
    """Write what the tasks start from, and describe them."""
    for name in ('whole', 'supernet', 'plan'):
        (inputs / name).mkdir()
    whole = write_experiment(inputs / 'whole')
    supernet = write_experiment(inputs / 'supernet', 'CNFSupernet')
    published = draw_state_dict(load_manifest(ROOT / 'tests/golden/posenas/l12_c32_coco_256x192'))
    torch.save(dict(state_dict=published), inputs / 'published.pth')
    tiny_experiment(inputs / 'plan').dump(inputs / 'plan' / 'tiny.py')
    plan = inputs / 'plan' / 'plan.py'
    plan.write_text(PLAN.format(config=str(inputs / 'plan' / 'tiny.py')))
    data = write_data(inputs)
    people = SyntheticSpec(num_images=4, seed=5, size=(96, 96))
    latency = plan_table(SPACES['tiny'])
    return [
        Task(
            'latency table',
            lambda out: latency.save(out / 'table.json'),
            lambda out: _read_table(out / 'table.json'),
        ),
        Task(
            'synthetic data set',
            lambda out: build_synthetic(out / 'out', people),
            lambda out: _digest(out / 'out') if (out / 'out').exists() else None,
        ),
        Task(
            'archive and winners of a search',
            lambda out: make_loop(out, table(), 2, seconds=0.01).run(),
            _read_search,
        ),
        Task(
            'converted checkpoint',
            lambda out: _run('convert', inputs / 'published.pth', out / 'ours.pth'),
            lambda out: _read_weights(out / 'ours.pth'),
        ),
        Task(
            'training with a heatmap cache',
            lambda out: train(_make_cached(data, out)),
            _read_cache,
        ),
        Task('pruned network', lambda out: _run('prune', *whole, out / 'out'), _read_network),
        Task(
            'derived network',
            lambda out: _run('derive', *supernet, out / 'out', '--num-images', 1),
            _read_network,
        ),
        Task(
            'runs of a plan',
            lambda out: _compare(plan, out),
            _read_plan,
            with_limits=False,
        ),
    ]


def _read_table(path: Path) -> object:
    return LatencyTable.load(path) if path.exists() else None


def _make_cached(data: Path, out: Path) -> object:
    model = dict(cache=dict(type='TeacherCache', path=str(out / 'cache')))
    cfg = make_cfg(data, out / 'work', model=model, unlabelled=False, epochs=4)
    cfg.train_dataloader.dataset.num_views = 2
    cfg.resume = True
    return cfg


def _compare(plan: Path, out: Path) -> None:
    os.chdir(out)
    _run('compare', '--plan', plan, '--bootstrap', 20)


def try_writers(
    tasks: Sequence[Task], folder: Path, num_kills: int, num_full: int
) -> Iterator[Outcome]:
    """Kill every task, stop it by a full disk, and repeat it each time.

    Args:
        tasks: What writes.
        folder: Empty folder for what they write.
        num_kills: Kills of each: at random moments and, where limits reach it, at random bytes.
        num_full: Full disks of each.
    """
    for number, task in enumerate(tasks):
        rng = np.random.default_rng(number)
        reference = folder / f'{number}_reference'
        wanted, largest, seconds = _run_once(task, reference)
        kills = Outcome(f'{task.name}: SIGKILL at a random moment or byte, repeated')
        full = Outcome(f'{task.name}: disk full at a random byte, repeated')
        for trial in range(num_kills):
            is_timed = trial % 2 == 0 or not task.with_limits
            fault = (
                dict(kill_after=rng.uniform(0, seconds))
                if is_timed
                else dict(size=int(rng.integers(largest)), is_deadly=True)
            )
            kills.note(_try(task, folder / f'{number}_k{trial}', wanted, fault))
        for trial in range(num_full if task.with_limits else 0):
            fault = dict(size=int(rng.integers(largest)))
            full.note(_try(task, folder / f'{number}_f{trial}', wanted, fault))
        if not task.with_limits:
            full.not_run = 'a limit on files reaches only the process that it is set for'
        yield kills
        yield full


def _run_once(task: Task, out: Path) -> tuple[object, int, float]:
    """Run a task without a fault.

    Returns:
        What it leaves, the size of its largest file in bytes, and how long it took, seconds.
    """
    out.mkdir()
    start = time.monotonic()
    code = do(lambda: task.do(out), out.with_suffix('.log'))
    seconds = time.monotonic() - start
    if code != DONE:
        raise RuntimeError(f'{task.name} failed: {out.with_suffix(".log").read_text()[-2000:]}')
    largest = max(path.stat().st_size for path in out.rglob('*') if path.is_file())
    return task.read(out), largest, seconds


def _try(task: Task, out: Path, wanted: object, fault: dict) -> str | None:
    """Do a task under a fault, look, repeat it, compare; return what went wrong."""
    out.mkdir()
    log = out.with_suffix('.log')
    code = do(lambda: task.do(out), log, **fault)
    said = f'{fault}, exit {code}'
    if code == UNEXPECTED:
        return f'{said}: {log.read_text()[-300:]}'
    try:
        task.read(out)
    except Exception as error:
        return f'{said}: left something broken: {error}'
    again = do(lambda: task.do(out), log)
    if again == DELIBERATE and task.read(out) == wanted:
        again = DONE  # it was complete, and says that it does not write over it
    if again != DONE:
        return f'{said}; repeated, exit {again}: {log.read_text()[-300:]}'
    if task.read(out) != wanted:
        return f'{said}; repeated, it left something else'
    shutil.rmtree(out)
    log.unlink(missing_ok=True)
    return None
