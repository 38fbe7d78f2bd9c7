"""Runs of a plan: one after the other, by processes of one machine that share the work, or by Ray.

What shares the work of one machine is a lock on each run, which ends with the process that holds
it. Between machines Ray shares it.
"""

import difflib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from posenas.experiments.plan import Plan, Run
from posenas.experiments.report import (
    COSTS,
    DISTANCES,
    PREDICTIONS,
    RESULT,
    is_done,
    measure_minutes,
)
from posenas.utils.atomic_io import append_line, make_folder
from posenas.utils.errors import ConfigError
from posenas.utils.executors import Executor, ProcessExecutor, make_executor
from posenas.utils.locks import Lock, hold_lock
from posenas.utils.processes import ending_with_parent

if TYPE_CHECKING:
    from mmengine.config import Config

#: Runs ``posenas`` with words, its output in a file; tells whether it went well.
_Caller = Callable[[Sequence[str], Path], bool]
#: File in the folder of a run that says which inputs it was begun with.
BEGUN = 'begun.txt'
#: Seconds between looks at runs that another process works on.
_PATIENCE = 5.0


def run_plan(
    plan: Plan,
    names: Sequence[str] = (),
    threads: int = 1,
    announce: Callable[[str], object] = str,
    executor: str = 'process',
    address: str | None = None,
) -> list[str]:
    """Train and test the arms of a plan with every seed, each in a process of its own.

    Finished runs are skipped and interrupted ones resumed. Runs that another process works on are
    left to it and waited for. What needs a failed run is left out, the others go on.

    Args:
        plan: Arms and their runs.
        names: Arms, or runs, that are run with what they need; none means all.
        threads: Threads of each process.
        announce: Called with the name of each run that begins.
        executor: 'process' runs one after the other, 'ray' as many as a cluster has room for.
        address: Of the Ray cluster; None starts one on this machine.

    Returns:
        Names of the runs that failed; their logs lie in their folders.

    Raises:
        ConfigError: A run was begun with other settings, or there is no such cluster.
    """
    order = plan.order(names)
    with _leaving_on_sigterm(), make_executor(executor, address, threads) as made:
        if isinstance(made, ProcessExecutor):
            return _run_in_turn(plan, order, threads, announce)
        return _spread(plan, order, threads, announce, made)


def _spread(
    plan: Plan,
    order: Sequence[Run],
    threads: int,
    announce: Callable[[str], object],
    executor: Executor,
) -> list[str]:
    """Begin each run as soon as those that it needs are done; returns those that failed."""
    shared = executor.share(plan)
    waiting = {run.name: run for run in order}
    running: dict[Future, str] = {}
    failed: set[str] = set()
    while waiting or running:
        for name, run in list(waiting.items()):
            needed = {other.name for other in plan.needs(run)}
            if is_done(run) and not run.arm.inputs:
                del waiting[name]
            elif needed & failed:
                del waiting[name]
                failed.add(name)
            elif not needed & {*waiting, *running.values()}:
                del waiting[name]
                if not is_current(plan, run):
                    announce(name)
                    running[executor.submit(_finish, shared, run, threads)] = name
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            name = running.pop(future)
            if not future.result():
                failed.add(name)
    return [run.name for run in order if run.name in failed]


def _run_in_turn(
    plan: Plan, order: Sequence[Run], threads: int, announce: Callable[[str], object]
) -> list[str]:
    """Do one run after the other, beside other processes that do so; returns those that failed."""
    waiting, failed = list(order), list[str]()
    while waiting:
        for run in waiting:
            outcome = _attempt(plan, run, failed, threads, announce)
            if outcome is not None:
                break
        else:
            time.sleep(_PATIENCE)
            continue
        waiting.remove(run)
        if not outcome:
            failed.append(run.name)
    return failed


def _attempt(
    plan: Plan,
    run: Run,
    failed: Sequence[str],
    threads: int,
    announce: Callable[[str], object],
) -> bool | None:
    """Do a run; tells whether it is done well, or None if it cannot be done yet."""
    needed = plan.needs(run)
    if is_done(run) and not run.arm.inputs:
        return True
    if any(other.name in failed for other in needed):
        return False
    if not all(map(is_done, needed)):
        return None
    if is_current(plan, run):
        return True
    return _finish(plan, run, threads, announce, patience=0.0)


def _finish(
    plan: Plan,
    run: Run,
    threads: int,
    announce: Callable[[str], object] = str,
    patience: float = inf,
) -> bool | None:
    """Do a run whose needs are done; tells whether it went well, None if others work on it.

    Args:
        plan: The plan.
        run: The run.
        threads: Threads of its processes.
        announce: Called with its name when it begins.
        patience: Seconds to wait for others: a training whose parent was killed still saves.
    """
    make_folder(run.folder.parent)
    with hold_lock(run.folder.with_name(f'{run.name}.lock'), patience) as lock:
        if lock is None:  # another process works on it
            return None
        if is_current(plan, run):
            return True
        announce(run.name)
        _prepare(plan, run)
        # what it starts holds the lock too: a training whose parent was killed still saves
        call = partial(_call, lock, threads)
        return _follow(plan, run, call) if run.arm.commands else _train(plan, run, call)


def is_current(plan: Plan, run: Run) -> bool:
    """Tell whether a run is finished, and what it depends on is still the same."""
    from posenas.utils.files import read_json

    if not is_done(run):
        return False
    return not run.arm.inputs or read_json(run.folder / RESULT).get('inputs') == _hash(plan, run)


def _hash(plan: Plan, run: Run) -> str:
    """Return the SHA-256 of what a run does and of the content of its inputs."""
    texts = json.dumps(run.arm.texts, sort_keys=True).replace(str(plan.folder), '.')
    digest = sha256(texts.encode())
    for file in plan.fill_in(run, run.arm.inputs, _last_checkpoint):
        digest.update(sha256(Path(file).read_bytes()).digest())
    return digest.hexdigest()


def _prepare(plan: Plan, run: Run) -> None:
    """Remove what a run with other inputs has left, and note those of this one."""
    if not run.arm.inputs:
        if run.arm.commands:
            shutil.rmtree(run.folder, ignore_errors=True)
        return
    from posenas.utils.atomic_io import write_text

    digest = _hash(plan, run)
    begun = run.folder / BEGUN
    is_same = begun.exists() and begun.read_text(encoding='utf-8') == digest
    if not is_same or (run.arm.commands and not run.arm.resumes):
        (run.folder / RESULT).unlink(missing_ok=True)
        shutil.rmtree(run.folder, ignore_errors=True)
        run.config_file.unlink(missing_ok=True)
    write_text(begun, digest)


def _note_inputs(plan: Plan, run: Run) -> dict[str, str]:
    return dict(inputs=_hash(plan, run)) if run.arm.inputs else {}


@contextmanager
def _leaving_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise an exception, so that running trainings are ended; in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(signum: int, frame: object) -> None:
    raise SystemExit(128 + signum)


def _follow(plan: Plan, run: Run, call: _Caller) -> bool:
    """Run the commands of an arm, one after the other; tells whether they went well."""
    from posenas.utils.atomic_io import write_json

    for words in plan.fill_in(run, run.arm.commands, _last_checkpoint):
        if not call(words, run.folder / 'train.log'):
            return False
    write_json(run.folder / RESULT, dict(seed=run.seed, **_note_inputs(plan, run)), indent=1)
    return True


def _train(plan: Plan, run: Run, call: _Caller) -> bool:
    """Train and test one arm with one seed; tells whether both went well."""
    from posenas.utils.atomic_io import write_json

    config = _write_config(plan, run)
    folder = str(run.folder)
    train = [run.arm.command, config, '--work-dir', folder, '--seed', str(run.seed), '--resume']
    train += plan.fill_in(run, run.arm.arguments, _last_checkpoint)
    if not call(train, run.folder / 'train.log'):
        return False
    checkpoint = _last_checkpoint(run)
    scores = run.folder / 'scores.json'
    test = ['test', config, checkpoint, '--work-dir', folder, '--out-metrics', str(scores)]
    if not call(test, run.folder / 'test.log'):
        return False
    from posenas.utils.files import read_json

    result = dict(seed=run.seed, minutes=measure_minutes(run.folder), scores=read_json(scores))
    result.update(_note_inputs(plan, run))
    write_json(run.folder / RESULT, result, indent=1)
    return True


def _write_config(plan: Plan, run: Run) -> str:
    """Write the config of a run; returns its path.

    Raises:
        ConfigError: The run was begun with another one.
    """
    from posenas.utils.atomic_io import write_text
    from posenas.utils.config_text import allow_keywords_as_keys

    allow_keywords_as_keys()  # a genotype has some
    text = _configure(plan, run).pretty_text
    path = run.config_file
    old = path.read_text(encoding='utf-8') if path.exists() else text
    if old != text:
        lines = difflib.ndiff(old.splitlines(), text.splitlines())
        changes = [' '.join(line.split()) for line in lines if line[0] in '-+']
        raise ConfigError(
            f'{run.name} must go on with its first config, but the plan or a config has changed '
            f'({"; ".join(changes[:4])}): undo that or remove {run.folder} and {path}'
        )
    write_text(path, text)
    return str(path)


def _configure(plan: Plan, run: Run) -> 'Config':
    """Load the config of a run, with a metric that keeps what its report needs."""
    from posenas.apis.building import load_checked
    from posenas.datasets.wrappers import list_parts

    source, options = plan.fill_in(run, (run.arm.config, run.arm.options), _last_checkpoint)
    cfg = load_checked(source, dict(options))
    evaluator = cfg.get('test_evaluator') or []
    if isinstance(evaluator, dict):
        evaluator = evaluator.get('metrics', evaluator)
    metrics = [dict(m) for m in (evaluator if isinstance(evaluator, list) else [evaluator])]
    if len(list_parts(cfg.test_dataloader.dataset)) > 1:  # whose image ids may be the same
        measured = [metric for metric in metrics if metric['type'] == 'PCKAccuracy'][:1]
        if not measured:
            measured = [dict(type='PCKAccuracy', thr=0.1)]
            metrics += measured
        measured[0]['distances_file'] = str(run.folder / DISTANCES)
    else:
        prefix = str(run.folder / PREDICTIONS).removesuffix('.keypoints.json')
        keep = dict(type='CocoMetric', format_only=True, nms_mode='none', outfile_prefix=prefix)
        metrics.append(keep)
    cfg.test_evaluator = metrics
    return cfg


def _last_checkpoint(run: Run) -> str:
    """Return the path of the last checkpoint of a trained run."""
    from posenas.utils.checkpoint import find_latest_checkpoint

    found = find_latest_checkpoint(run.folder)
    if found is None:
        raise ConfigError(f'{run.folder} must hold a checkpoint, got none: train {run.name} first')
    return str(run.folder / Path(found).name)


def _call(lock: Lock, threads: int, words: Sequence[str], log: Path) -> bool:
    """Run ``posenas`` with these words, its output in a file; tells whether it went well.

    What it cost is noted beside the file. When this process has to end, the other one is asked to
    save its state and end too.
    """
    environment = {**os.environ, 'OMP_NUM_THREADS': str(threads)}
    make_folder(log.parent)
    with log.open('a', encoding='utf-8') as output, lock.shared() as sharing:
        process = subprocess.Popen(
            [sys.executable, '-m', 'posenas', *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            **ending_with_parent(),
            **sharing,
        )
        try:
            return _wait(process, words[0], log.with_name(COSTS)) == 0
        except BaseException:
            if process.returncode is None:
                process.terminate()
                _wait(process, words[0], log.with_name(COSTS))
            raise


def _wait(process: subprocess.Popen, command: str, costs: Path) -> int:
    """Wait for a process and note its time and memory; returns its exit code."""
    begun = time.monotonic()
    _, status, usage = os.wait4(process.pid, 0)
    wall = (time.monotonic() - begun) / 60
    process.returncode = os.waitstatus_to_exitcode(status)
    minutes = (usage.ru_utime + usage.ru_stime) / 60
    cost = dict(
        command=command,
        wall_minutes=round(wall, 3),
        cpu_minutes=round(minutes, 3),
        mib=usage.ru_maxrss // 1024,
    )
    append_line(costs, json.dumps(cost))
    return process.returncode
