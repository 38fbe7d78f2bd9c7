"""A teacher that is the moving average of its student."""

import copy

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from posenas.engine.distributed import broadcast_buffers
from posenas.engine.hooks.distill_state import find_distiller
from posenas.engine.optim import at_step_boundary
from posenas.models.estimators.teacher import FrozenTeacher
from posenas.registry import HOOKS
from posenas.utils import ConfigError, check_positive, check_probability

#: Entry of training checkpoints that holds the average and the number of its updates.
_ENTRY = 'ema_teacher'


@HOOKS.register_module()
class EMATeacherHook(Hook):
    """Let the moving average of an :class:`FPDDistiller`'s student teach it.

    Tarvainen and Valpola, Mean Teachers Are Better Role Models, NeurIPS 2017. It replaces the
    frozen teacher, or joins those there are: maps are averaged. Update n (from 0) keeps
    ``min(momentum, (1 + n) / (10 + n))`` of the former average; buffers are copied. As a fresh
    average knows little, use a rising ``loss.alpha`` where it is the only teacher.

    Args:
        momentum: Share of the former average in the long run, in [0, 1].
        weight: Weight of its maps among those of all teachers.
        ramp_epochs: Epochs in which the weight rises to ``weight``, linearly.
    """

    def __init__(self, momentum: float = 0.9995, weight: float = 1.0, ramp_epochs: int = 0) -> None:
        check_probability('momentum', momentum)
        check_positive('weight', weight)
        self.momentum = momentum
        self.weight = weight
        self.ramp_epochs = ramp_epochs
        self.teacher: FrozenTeacher | None = None
        self.num_updates = 0
        self._resumed: dict | None = None

    def before_train(self, runner: Runner) -> None:
        """Add the average to the teachers: that of the resumed checkpoint or a new one.

        Raises:
            ConfigError: The model is no :class:`FPDDistiller`, or keeps maps of its teacher.
        """
        distiller = find_distiller(runner, 'EMATeacherHook')
        if distiller.cache is not None:
            raise ConfigError(
                'EMATeacherHook needs a teacher without model.cache, because it changes the '
                'teacher: remove model.cache or the hook'
            )
        self.student = distiller.student
        self.teacher = FrozenTeacher(copy.deepcopy(self.student), self.weight)
        distiller.teachers.add(self.teacher)
        self._restore()

    def before_train_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Set the weight of the epoch."""
        self.teacher.weight = self.weight * min(1.0, (runner.epoch + 1) / (self.ramp_epochs + 1))

    def after_train_iter(self, runner: Runner, batch_idx: int, **rest: object) -> None:
        """Update the average after each step of the optimizer."""
        if not at_step_boundary(runner.optim_wrapper):
            return
        kept = min(self.momentum, (1 + self.num_updates) / (10 + self.num_updates))
        _move_average(self.teacher.model, self.student, kept)
        broadcast_buffers(self.teacher.model)  # a checkpoint holds those of rank 0
        self.num_updates += 1

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the average to checkpoints that can be resumed."""
        if 'optimizer' in checkpoint:
            weights = {k: v.cpu() for k, v in self.teacher.model.state_dict().items()}
            checkpoint[_ENTRY] = dict(state_dict=weights, num_updates=self.num_updates)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Take the average out of a checkpoint from which the training is resumed."""
        if not runner._resume:
            return
        self._resumed = checkpoint.get(_ENTRY)
        if self._resumed is None:
            runner.logger.warning(
                'the checkpoint holds no average of the student: EMATeacherHook starts a new one'
            )
        elif self.teacher is not None:  # the training goes back to an earlier checkpoint
            self._restore()

    def _restore(self) -> None:
        if self._resumed is not None:
            self.teacher.model.load_state_dict(self._resumed['state_dict'])
            self.num_updates = self._resumed['num_updates']
            self._resumed = None


@torch.no_grad()
def _move_average(average: nn.Module, source: nn.Module, kept: float) -> None:
    """Keep the share ``kept`` of the averaged parameters; copy the buffers."""
    for own, new in zip(average.parameters(), source.parameters(), strict=True):
        own.lerp_(new, 1 - kept)
    for own, new in zip(average.buffers(), source.buffers(), strict=True):
        own.copy_(new)
