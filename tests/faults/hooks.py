"""Hooks that let trainings wait, or look at them."""

import time
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module(force=True)
class WaitHook(Hook):
    """Lets a training wait before iteration ``at`` until ``file`` exists."""

    def __init__(self, file: str, at: int) -> None:
        self.file, self.at = Path(file), at

    def before_train_iter(self, runner: object, batch_idx: int, data_batch: object = None) -> None:
        """Wait."""
        while runner.iter == self.at and not self.file.exists():
            time.sleep(0.05)


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
