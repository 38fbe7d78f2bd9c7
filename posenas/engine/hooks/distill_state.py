"""The student of a distillation as a checkpoint of its own, and its teacher's score."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from posenas.models import DWPoseDistiller, FPDDistiller
from posenas.registry import HOOKS
from posenas.utils import ConfigError
from posenas.utils.checkpoint import save_checkpoint
from posenas.utils.safe_load import load_checkpoint_file

_PREFIX = 'student.'
#: Entries of ``meta`` that tell one checkpoint from another.
_IDENTITY = ('experiment_name', 'time', 'seed', 'epoch', 'iter')


@HOOKS.register_module()
class DistillStateHook(Hook):
    """Write ``student_best.pth`` beside every best checkpoint of a distillation.

    The model is an :class:`FPDDistiller` or a :class:`DWPoseDistiller`.

    It has the names of the student's own config, which loads it as any other checkpoint. With
    several ``save_best`` metrics there is a ``student_best_<metric>.pth`` for each.

    If the distiller's ``val_teacher_first`` is set, the teachers are evaluated on the validation
    data before a training starts and logged as ``teacher/<metric>``, those of several as
    ``teacher1/<metric>`` and so on.
    """

    priority = 'LOWEST'  # after the checkpoint hook and those that change checkpoints

    def before_train(self, runner: Runner) -> None:
        """Catch up on what a killed predecessor left undone; evaluate the teacher at a start.

        Raises:
            ConfigError: The model is neither.
        """
        distiller = find_distiller(runner, 'DistillStateHook', (FPDDistiller, DWPoseDistiller))
        self._write_students(runner)
        if distiller.val_teacher_first and runner.iter == 0 and runner.val_loop is not None:
            _evaluate_teachers(runner, distiller)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the students of new best checkpoints."""
        self._write_students(runner)

    def _write_students(self, runner: Runner) -> None:
        if not is_main_process():
            return
        hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
        folder = Path(hooks[0].out_dir if hooks else runner.work_dir)
        for entry, best in runner.message_hub.runtime_info.items():
            if entry.startswith('best_ckpt') and best is not None:
                source = folder / Path(best).name  # the folder may have moved
                suffix = entry.removeprefix('best_ckpt').replace('/', '_')
                _write_student(source, folder / f'student_best{suffix}.pth')


def find_distiller(
    runner: Runner, user: str, kinds: Sequence[type[nn.Module]] = (FPDDistiller,)
) -> FPDDistiller | DWPoseDistiller:
    """Return the distiller that ``runner`` trains.

    Args:
        runner: The runner.
        user: Hook that asks.
        kinds: Classes that it can serve.

    Raises:
        ConfigError: The model is of no such class.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    if not isinstance(model, tuple(kinds)):
        names = ' or '.join(kind.__name__ for kind in kinds)
        raise ConfigError(
            f'{user} needs model.type={names}, got {type(model).__name__}: remove it from '
            'custom_hooks'
        )
    return model


def _write_student(source: Path, target: Path) -> None:
    """Take the student out of the checkpoint ``source`` unless that is done."""
    if not source.is_file():  # replaced before a kill; the next validation writes another one
        return
    if target.is_file() and _identify(source) == _identify(target):
        return
    checkpoint = load_checkpoint_file(source)
    weights = {
        name.removeprefix(_PREFIX): weight
        for name, weight in checkpoint['state_dict'].items()
        if name.startswith(_PREFIX)
    }
    save_checkpoint(dict(meta=checkpoint['meta'], state_dict=weights), target)


def _identify(path: Path) -> list[object]:
    meta = load_checkpoint_file(path, mmap=True).get('meta', {})
    return [meta.get(key) for key in _IDENTITY]


def _evaluate_teachers(runner: Runner, distiller: FPDDistiller) -> None:
    """Score each teacher on the validation data, by its own preprocessing."""
    teachers = [teacher.model for teacher in distiller.teachers.members]
    for number, teacher in enumerate(teachers, 1):
        name = 'teacher' if len(teachers) == 1 else f'teacher{number}'
        scores = {f'{name}/{key}': value for key, value in _evaluate(runner, teacher).items()}
        text = '  '.join(f'{key}: {value:.4f}' for key, value in scores.items())
        runner.logger.info(f'before training  {text}')
        runner.visualizer.add_scalars(scores, step=0)


@torch.no_grad()
def _evaluate(runner: Runner, model: nn.Module) -> dict[str, float]:
    evaluator, loader = runner.val_loop.evaluator, runner.val_loop.dataloader
    for batch in loader:
        evaluator.process(data_samples=model.val_step(batch), data_batch=batch)
    return evaluator.evaluate(len(loader.dataset))
