"""Trainings killed while they save, and two in one folder."""

import json
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

from engine.kill_saver import kill_again_and_again
from engine.toy_training import make_cfg, train

from faults.children import DELIBERATE, DONE, do, finish, start
from faults.outcome import Outcome
from posenas.utils import find_latest_checkpoint, load_checkpoint_file


def try_saves(folder: Path, num_kills: int) -> Iterator[Outcome]:
    """Kill a training that does little but save, keeping one checkpoint and three."""
    for keep in (1, 3):
        yield _kill_saver(folder / f'keep_{keep}', keep, num_kills)


def _kill_saver(folder: Path, keep: int, num_kills: int) -> Outcome:
    folder.mkdir(parents=True)
    outcome = Outcome(
        f'SIGKILL in a save, {keep} kept: a checkpoint to go on from, none of them broken'
    )
    context = multiprocessing.get_context('fork')
    process = context.Process(
        target=kill_again_and_again, args=(folder, keep, num_kills, 10 + keep)
    )
    process.start()
    process.join()
    reports = json.loads((folder / 'report.json').read_text())
    kills = reports[1:-1]
    for before, report in zip(reports, kills, strict=False):
        lost = report['step'] is None or report['step'] < before['step']
        outcome.note(f'{report}' if lost or report['broken'] else None)
    saving = sum(report['saving'] for report in kills)
    outcome.figures = f'{saving} kills hit a file half written'
    return outcome


def try_two_in_one_folder(folder: Path, num_trials: int) -> list[Outcome]:
    """Start a second training where one is at work, at random moments."""
    outcome = Outcome('a second training in the folder of one: refused, the first ends as alone')
    alone = folder / 'alone'
    alone.mkdir(parents=True)
    do(lambda: train(make_cfg(alone, keep=1)), folder / 'alone.log')
    wanted = _weights(alone)
    for trial in range(num_trials):
        shared = folder / f'shared_{trial}'
        shared.mkdir(parents=True)
        hooks = [dict(type='WaitHook', file=str(shared / 'go'), at=3 + trial % 12)]
        first = start(
            lambda shared=shared, hooks=hooks: train(make_cfg(shared, keep=1, hooks=hooks)),
            folder / f'first_{trial}.log',
            None,
            False,
        )
        while not (shared / 'last_checkpoint').exists():
            time.sleep(0.01)
        second = do(
            lambda shared=shared: train(make_cfg(shared, keep=1, seed=9)),
            folder / f'second_{trial}.log',
        )
        (shared / 'go').touch()
        code = finish(first)
        wrong = (code, second) != (DONE, DELIBERATE) or _weights(shared) != wanted
        outcome.note(f'exit {code} and {second}' if wrong else None)
    return [outcome]


def _weights(folder: Path) -> dict[str, float]:
    latest = find_latest_checkpoint(folder)
    state = load_checkpoint_file(latest)['state_dict']
    return {name: float(value.double().sum()) for name, value in state.items()}
