"""Check of the loss that configs of other projects name."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from posenas.engine.finite import NonFiniteError
from posenas.registry import HOOKS

__all__ = ['CheckInvalidLossHook']


@HOOKS.register_module()
class CheckInvalidLossHook(Hook):
    """End training when the loss is not finite, whatever the policy of ``NanGuardHook``.

    Args:
        interval: Iterations between checks.
    """

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,  # noqa: ANN401
        outputs: dict | None = None,
    ) -> None:
        """Check ``outputs['loss']``.

        Raises:
            NonFiniteError: It is NaN or infinite.
        """
        due = self.every_n_train_iters(runner, self.interval)
        if due and outputs and not torch.isfinite(outputs['loss']):
            raise NonFiniteError(f'loss must be finite, got {float(outputs["loss"])}', 'loss')
