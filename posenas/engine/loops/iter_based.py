"""Training counted in iterations."""

from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from posenas.engine.loops.stream import batches_from
from posenas.engine.loops.train_loop import TrainLoop
from posenas.registry import LOOPS


@LOOPS.register_module()
class IterBasedTrainLoop(TrainLoop):
    """Train iteration by iteration; for hooks the whole training is one epoch.

    Args:
        runner: Runner that owns model and hooks.
        dataloader: Training data loader or its config; usually with an ``InfiniteSampler``.
        max_iters: Iterations to train.
        val_begin: First iteration after which the model is validated.
        val_interval: Iterations between validations.
        dynamic_intervals: Pairs (iteration, interval): from that iteration on, the interval.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(runner, dataloader, val_begin, val_interval, dynamic_intervals)
        if int(max_iters) != max_iters:
            raise ValueError(f'max_iters must be a whole number, got {max_iters}')
        self.max_epochs = 1  # hooks see the whole training as an epoch
        self.max_iters = self.max_progress = int(max_iters)
        self._batches: Iterator[Any] = iter(())

    @property
    def progress(self) -> int:
        """Iterations completed."""
        return self._iter

    def locate(self, epoch: int, iteration: int) -> None:
        """Continue after ``iteration`` iterations; ``epoch`` is not counted here."""
        super().locate(0, iteration)
        self._batches = iter(())

    def run_stages(self) -> None:
        """Train, stopping to validate, until the last iteration."""
        self.runner.call_hook('before_train_epoch')
        super().run_stages()
        self.runner.call_hook('after_train_epoch')

    def advance(self) -> None:
        """Train on one batch."""
        self.runner.model.train()
        self.run_iter(self._iter, self._next_batch())

    def _next_batch(self) -> Any:  # noqa: ANN401  (any collation)
        """Draw the batch that belongs to the current iteration."""
        try:
            return next(self._batches)
        except StopIteration:
            epoch, batch = divmod(self._iter, len(self.dataloader))
            self._batches = batches_from(self.dataloader, epoch, batch)
            # the last gradients are used even where they are fewer than are accumulated
            wrapper = self.optim_wrapper
            wrapper.initialize_count_status(self.runner.model, self._iter, self.max_iters)
            return next(self._batches)
