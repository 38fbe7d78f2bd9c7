"""Ending a training whose score no longer rises, across interruptions."""

from typing import Any

from mmengine.hooks import EarlyStoppingHook as _EarlyStoppingHook
from mmengine.runner import Runner

from posenas.registry import HOOKS

#: Message hub entry: plain values that a resumed training continues.
_STATE = 'early_stopping'


@HOOKS.register_module()
class EarlyStoppingHook(_EarlyStoppingHook):
    """Stop a training when a metric has reached a plateau; arguments as in mmengine.

    Differs from mmengine's hook: the best score, the validations since then and the stop are part
    of checkpoints, so a resumed training stops where it would have. One that was stopped goes on
    when it is resumed with more ``patience``.
    """

    priority = 'LOW'  # before the checkpoint hook, which may save after a validation

    def before_train(self, runner: Runner) -> None:
        """Continue the counts of a resumed training, which may have been stopped."""
        state = runner.message_hub.get_info(_STATE, {}).get(self.monitor, {})
        self.best_score = state.get('best_score', self.best_score)
        self.wait_count = state.get('wait_count', self.wait_count)
        if state.get('stopped') and (self.wait_count == 0 or self.wait_count >= self.patience):
            runner.train_loop.stop_training = True
            runner.logger.warning(
                f'the training was stopped because {self.monitor} no longer improves, best '
                f'{self.best_score:.4g}: to go on, remove EarlyStoppingHook or raise its patience'
            )

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Compare the score with the best one, and stop when it is time."""
        super().after_val_epoch(runner, metrics or {})
        state = dict(
            best_score=float(self.best_score),
            wait_count=self.wait_count,
            stopped=bool(runner.train_loop.stop_training),
        )
        known = runner.message_hub.get_info(_STATE, {})
        runner.message_hub.update_info(_STATE, {**known, self.monitor: state})
