"""Hooks that make trainings slow enough to be disturbed, or look at them."""

import time

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class SlowHook(Hook):
    """Waits in every iteration of a training."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def before_train_iter(self, runner: object, batch_idx: int, data_batch: object = None) -> None:
        """Wait."""
        time.sleep(self.seconds)


@HOOKS.register_module(force=True)
class MeasureHook(Hook):
    """Notes what the process holds before each epoch but the first, when no worker runs.

    Attributes:
        steps: Figures of the epochs.
    """

    def __init__(self) -> None:
        self.steps: list[dict[str, int]] = []

    def before_train_epoch(self, runner: object) -> None:
        """Measure."""
        from faults.resources import measure

        self.steps.append(measure())
