"""What happens when NaN or infinity appears in training."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from posenas.engine.diagnosis import describe_non_finite
from posenas.engine.finite import NonFiniteError, all_finite
from posenas.engine.rollback import RollBack, scale_learning_rate
from posenas.registry import HOOKS
from posenas.utils.checkpoint import find_latest_checkpoint
from posenas.utils.checks import check_choice, check_positive

#: Message hub entry: plain counters that a resumed training continues.
_STATE = 'nan_guard'


@HOOKS.register_module()
class NanGuardHook(Hook):
    """Apply a policy to iterations whose loss, gradients, buffers or weights are not finite.

    The report says where it was found, at which iteration, with which samples and loss terms, and
    which module was the first with such an output. In any case no such checkpoint is written.

    Args:
        policy: 'raise' ends training with the report; 'skip' leaves the batch out and puts the
            statistics of normalisation back; 'recover' does so too and, after ``patience`` such
            iterations in a row, goes back to the last checkpoint with half the learning rate.
        patience: Iterations in a row after which 'skip' gives up and 'recover' goes back.
        max_recoveries: How often 'recover' goes back before it gives up.
    """

    priority = 'VERY_HIGH'

    def __init__(self, policy: str = 'raise', patience: int = 5, max_recoveries: int = 3) -> None:
        check_choice('policy', policy, ('raise', 'skip', 'recover'))
        check_positive('patience', patience)
        check_positive('max_recoveries', max_recoveries)
        self.policy = policy
        self.patience = patience
        self.max_recoveries = max_recoveries
        self.in_a_row = self.skipped = self.recoveries = 0
        self._buffers: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Continue the counters of a resumed training and remember the buffers."""
        self._load_counters(runner)
        self._remember_buffers(runner)

    def on_non_finite(self, runner: Runner, data_batch: Any, error: NonFiniteError) -> None:  # noqa: ANN401
        """Report ``error`` and mark it handled, unless training has to end or to go back.

        Raises:
            NonFiniteError: The policy ends training; the text is the report.
            RollBack: To the last checkpoint.
        """
        self.in_a_row += 1
        self.skipped += 1
        report = describe_non_finite(runner, data_batch, error)
        if self.policy == 'raise':
            raise NonFiniteError(report, error.where) from error
        runner.logger.error(report)
        # a weight cannot be put back without a checkpoint
        if self.in_a_row >= self.patience or error.where == 'weight':
            self._give_up_or_go_back(runner, report, error)
        self._restore_buffers(runner)
        runner.optim_wrapper.zero_grad()
        runner.logger.warning(f'iteration {runner.iter + 1} is skipped')
        self._store_counters(runner)
        error.handled = True

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,  # noqa: ANN401
        outputs: dict | None = None,
    ) -> None:
        """Remember what to return to, when the iteration was good."""
        if not outputs:
            return
        if self.in_a_row:
            self.in_a_row = 0
            self._store_counters(runner)
        self._remember_buffers(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to save weights that are not finite.

        Raises:
            NonFiniteError: Always then; nothing is written.
        """
        for name in ('state_dict', 'ema_state_dict'):
            if not all_finite(checkpoint.get(name, {}).values()):
                raise NonFiniteError(
                    f'{name} must be finite to be saved, got NaN or infinity: '
                    'the previous checkpoint is the last good one',
                    'weight',
                )

    def after_roll_back(self, runner: Runner) -> None:
        """Halve the learning rate once per recovery that the checkpoint does not know of."""
        known = runner.message_hub.get_info(_STATE, {}).get('recoveries', 0)
        scale_learning_rate(runner, 0.5 ** (self.recoveries - known))
        self.in_a_row = 0
        self._store_counters(runner)
        self._remember_buffers(runner)

    def _give_up_or_go_back(self, runner: Runner, report: str, error: NonFiniteError) -> None:
        checkpoint = find_latest_checkpoint(runner.work_dir) if self.policy == 'recover' else None
        if checkpoint is None or self.recoveries >= self.max_recoveries:
            reason = {
                'skip': f'{self.in_a_row} in a row; only policy recover goes back',
                'recover': f'{self.recoveries} recoveries did not help, or no checkpoint exists',
            }[self.policy]
            raise NonFiniteError(f'{report}\n  giving up: {reason}', error.where) from error
        self.recoveries += 1
        runner.logger.warning(f'going back to {checkpoint} with half the learning rate')
        raise RollBack(checkpoint)

    def _remember_buffers(self, runner: Runner) -> None:
        if self.policy != 'raise':
            self._buffers = [buffer.clone() for buffer in runner.model.buffers()]

    def _restore_buffers(self, runner: Runner) -> None:
        with torch.no_grad():
            for buffer, good in zip(runner.model.buffers(), self._buffers, strict=True):
                buffer.copy_(good)

    def _load_counters(self, runner: Runner) -> None:
        state = runner.message_hub.get_info(_STATE, {})
        self.in_a_row, self.skipped, self.recoveries = (
            state.get(key, 0) for key in ('in_a_row', 'skipped', 'recoveries')
        )

    def _store_counters(self, runner: Runner) -> None:
        state = dict(in_a_row=self.in_a_row, skipped=self.skipped, recoveries=self.recoveries)
        runner.message_hub.update_info(_STATE, state)
