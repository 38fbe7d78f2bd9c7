"""Check of the loss that configs of other projects name."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from posenas.engine.finite import all_finite, require_finite
from posenas.registry import HOOKS


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
        """Check ``outputs['loss']`` of all ranks.

        Raises:
            NonFiniteError: One is NaN or infinite.
        """
        if self.every_n_train_iters(runner, self.interval) and outputs:
            require_finite(all_finite([outputs['loss']]), 'loss')
