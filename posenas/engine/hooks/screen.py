"""What a person at the screen sees of a run; the log file has everything else."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import Dataset

from posenas.engine.facts import describe_test, describe_training, list_leaves, shorten
from posenas.engine.loops import EpochBasedTrainLoop

#: Lines of a training that is not counted in epochs.
_NUM_LINES = 20


class Screen(Protocol):
    """Where a run is shown."""

    def write(self, text: str) -> None:
        """Show lines for good."""

    def show_facts(self, facts: Mapping[str, str]) -> None:
        """Show names and what belongs to them."""

    def move(self, done: int, total: int, what: str, rest: str) -> None:
        """Move the progress bar: how far, of what, and what else is known."""


class ScreenHook(Hook):
    """Show one block of facts, one line per epoch or part, and the results at the end.

    Args:
        screen: Where to.
        say_next: Makes the command to type next from the best checkpoint, after a test from an
            image, which both may be None, and from the work dir.
        first: Facts to begin with, by name.
    """

    priority = 'LOWEST'

    def __init__(
        self,
        screen: Screen,
        say_next: Callable[[str | None, str], str],
        first: Mapping[str, str],
    ) -> None:
        self._screen, self._say_next, self._first = screen, say_next, first
        self._start = time.monotonic()
        self._first_iter = self._line_iter = 0
        self._line: list[str] = []

    def before_run(self, runner: Runner) -> None:
        """Show what runs, on what, with what; nothing but rank 0 shows anything."""
        if runner.rank != 0:
            self._screen = _Nowhere()
        is_test = isinstance(runner._test_loop, BaseLoop)
        facts = describe_test(runner) if is_test else describe_training(runner)
        self._screen.show_facts({**self._first, **facts})

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self._start = time.monotonic()
        self._first_iter = self._line_iter = runner.iter

    def before_train_epoch(self, runner: Runner) -> None:
        """Show the line of the epoch before."""
        self._flush(runner)
        self._line_iter = runner.iter

    def after_train_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Move the bar; in trainings counted in iterations, show a line now and then."""
        loop, done = runner.train_loop, runner.iter + 1
        if isinstance(loop, EpochBasedTrainLoop):
            self._move(runner, batch_idx + 1, len(runner.train_dataloader), _name_epoch(runner))
            return
        self._flush(runner)
        self._move(runner, done, loop.max_iters, 'iteration')
        if done % max(1, loop.max_iters // _NUM_LINES) == 0 or done == loop.max_iters:
            width = len(str(loop.max_iters))
            self._begin_line(runner, f'iteration {done:{width}}/{loop.max_iters}')

    def after_train_epoch(self, runner: Runner) -> None:
        """Begin the line of this epoch; a validation may add to it."""
        if isinstance(runner.train_loop, EpochBasedTrainLoop):
            self._begin_line(runner, _name_epoch(runner))

    def after_val_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Move the bar."""
        self._screen.move(batch_idx + 1, len(runner.val_dataloader), 'validation', '')

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add the score that checkpoints are chosen by to the line."""
        key = _choose_key(runner, metrics or {})
        if key is None:
            return
        score = (metrics or {})[key]
        is_best = any(score == best for name, best, _, _ in find_best(runner) if name == key)
        self._line.append(f'{key} {score:.4f}{" best" if is_best else "     "}')
        if len(self._line) == 1:  # before the first iteration after a resume
            self._line.insert(0, 'validation')
        self._flush(runner)

    def after_test_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Move the bar."""
        left = self._estimate(batch_idx + 1, len(runner.test_dataloader))
        self._screen.move(batch_idx + 1, len(runner.test_dataloader), 'test', left)

    def before_test_epoch(self, runner: Runner) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Show every score."""
        width = max(map(len, metrics or ['']))
        rows = [f'  {name:{width}}  {value:.4f}' for name, value in (metrics or {}).items()]
        self._screen.write('\n'.join(['scores' if rows else 'no scores', *rows]))

    def after_run(self, runner: Runner) -> None:
        """Show the best checkpoint, the last one and what to type next."""
        lines, subject = [], None
        if isinstance(runner._test_loop, BaseLoop):
            subject = _find_image(runner.test_dataloader.dataset)
        else:
            for name, score, file, step in find_best(runner):
                lines.append(f'best {name} {score:.4f} after {step}: {shorten(file)}')
                subject = subject or shorten(file)
            last = runner.message_hub.get_info('last_ckpt')
            if last is not None and Path(last).is_file():
                lines.append(f'last checkpoint: {shorten(last)}')
                subject = subject or shorten(last)
        command = self._say_next(subject, shorten(runner.work_dir))
        self._screen.write('\n'.join([*lines, f'next: {command}']))

    def _begin_line(self, runner: Runner, what: str) -> None:
        self._flush(runner)
        self._line = [what]
        loss = runner.message_hub.log_scalars.get('train/loss')
        done = runner.iter + isinstance(runner.train_loop, EpochBasedTrainLoop) - self._line_iter
        if loss is not None and done:
            self._line.append(f'loss {float(loss.mean(done)):.4g}'.ljust(14))
        self._line_iter = runner.iter
        if runner.val_loop is None:
            self._flush(runner)

    def _flush(self, runner: Runner) -> None:
        """Show the line that has begun."""
        if self._line:
            left = self._estimate(runner.iter - self._first_iter, self._count(runner))
            self._screen.write('  '.join([*self._line, left]).rstrip())
        self._line = []

    def _move(self, runner: Runner, done: int, total: int, what: str) -> None:
        left = self._estimate(runner.iter + 1 - self._first_iter, self._count(runner))
        self._screen.move(done, total, what, left)

    def _count(self, runner: Runner) -> int:
        return runner.train_loop.max_iters - self._first_iter

    def _estimate(self, done: int, total: int) -> str:
        """Say how long the rest takes if it goes on as until now."""
        if not 0 < done < total:
            return ''
        seconds = round((time.monotonic() - self._start) * (total - done) / done)
        return f'{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02} left'


class _Nowhere:
    """The screen of ranks that show nothing."""

    def write(self, text: str) -> None:
        """Do nothing."""

    def show_facts(self, facts: Mapping[str, str]) -> None:
        """Do nothing."""

    def move(self, done: int, total: int, what: str, rest: str) -> None:
        """Do nothing."""


def find_best(runner: Runner) -> list[tuple[str, float, str, str]]:
    """List metric, score, file and step of the best checkpoints that are there."""
    found = []
    for hook in runner.hooks:
        if not (isinstance(hook, CheckpointHook) and hook.save_best):
            continue
        keys = hook.key_indicators
        for key in keys:
            suffix = '' if len(keys) == 1 else f'_{key}'
            score, file = (
                runner.message_hub.get_info(f'{kind}{suffix}')
                for kind in ('best_score', 'best_ckpt')
            )
            if score is not None and file is not None:
                step = Path(file).stem.rpartition('_')[2]
                unit = 'epoch' if hook.by_epoch else 'iteration'
                found.append((key, score, file, f'{unit} {step}'))
    return found


def _choose_key(runner: Runner, metrics: Mapping[str, float]) -> str | None:
    """Choose the score that checkpoints are chosen by, else the first."""
    chosen = [name for name, *_ in find_best(runner) if name in metrics]
    return next(iter([*chosen, *metrics]), None)


def _find_image(dataset: Dataset) -> str | None:
    """Return the path of the first image of a data set, if it is one of images."""
    read = getattr(next(list_leaves(dataset)), 'get_data_info', None)
    path = read(0).get('img_path') if read is not None else None
    return shorten(path) if isinstance(path, str) else None


def _name_epoch(runner: Runner) -> str:
    total = runner.max_epochs
    return f'epoch {runner.epoch + 1:{len(str(total))}}/{total}'
