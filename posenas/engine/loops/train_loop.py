"""What epoch-based and iteration-based training share."""

from abc import abstractmethod
from bisect import bisect
from collections.abc import Sequence
from typing import Any

from mmengine.dist import all_gather_object
from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, Runner
from mmengine.runner.utils import calc_dynamic_intervals
from torch import nn
from torch.utils.data import DataLoader

from posenas.engine.distributed import broadcast_buffers
from posenas.engine.finite import NonFiniteError, all_finite, float_buffers, require_finite
from posenas.engine.optim import at_step_boundary
from posenas.engine.randomness import seed_iteration
from posenas.engine.rollback import RollBack
from posenas.utils.errors import ConfigError

#: Message hub entry: progress at which the model was last validated.
VALIDATED = 'last_validation'


class TrainLoop(BaseLoop):
    """Training that any checkpoint continues to the same bits.

    Each iteration seeds the global generators from (seed, iteration, rank); the data come from
    samplers that are functions of (seed, epoch). So model, optimizer, schedulers and two counters
    are the whole state.

    Args:
        runner: Runner that owns model and hooks.
        dataloader: Training data loader or its config.
        val_begin: Progress (epochs or iterations) from which on the model is validated.
        val_interval: Progress between validations.
        dynamic_intervals: Pairs (milestone, interval): from that progress on, the interval.

    Raises:
        ConfigError: Ranks have unequal numbers of batches, or none.

    Attributes:
        stop_training: Set by hooks to end training early.
        max_epochs: Epochs to train.
        max_iters: Iterations to train.
        max_progress: Progress at which training ends.
    """

    max_epochs: int
    max_iters: int
    max_progress: int

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        val_begin: int = 1,
        val_interval: int = 1,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(runner, dataloader)
        check_batches(self.dataloader)
        self._epoch = self._iter = 0
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.milestones, self.intervals = calc_dynamic_intervals(
            val_interval, list(dynamic_intervals) if dynamic_intervals else None
        )
        self.stop_training = False
        runner.visualizer.dataset_meta = getattr(self.dataloader.dataset, 'metainfo', None)

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self._epoch

    @property
    def iter(self) -> int:
        """Iterations completed."""
        return self._iter

    @property
    def optim_wrapper(self) -> OptimWrapper:
        """What updates the weights."""
        return self.runner.optim_wrapper

    @property
    def dataloaders(self) -> tuple[DataLoader, ...]:
        """All loaders of training data."""
        return (self.dataloader,)

    @property
    @abstractmethod
    def progress(self) -> int:
        """What intervals and the end are counted in: epochs or iterations completed."""

    @abstractmethod
    def advance(self) -> None:
        """Train until the next point at which validation may be due."""

    def locate(self, epoch: int, iteration: int) -> None:
        """Continue after ``iteration`` iterations, ``epoch`` complete epochs among them."""
        self._epoch, self._iter = epoch, iteration

    def run(self) -> nn.Module:
        """Train to the end.

        Returns:
            The trained model.
        """
        self.runner.call_hook('before_train')
        self.run_stages()
        self.runner.call_hook('after_train')
        return self.runner.model

    def run_stages(self) -> None:
        """Alternate training and validation until the end."""
        self._validate_if_due()  # a checkpoint may stem from just before a validation
        while self.progress < self.max_progress and not self.stop_training:
            try:
                self.advance()
            except RollBack as request:
                request.restore(self.runner)
            self._validate_if_due()

    def run_iter(self, batch_idx: int, data_batch: Any) -> None:  # noqa: ANN401  (any collation)
        """Train on one batch.

        Args:
            batch_idx: Position of the batch, in the epoch or in the training.
            data_batch: What the data loader gave.
        """
        runner = self.runner
        runner.call_hook('before_train_iter', batch_idx=batch_idx, data_batch=data_batch)
        seed_iteration(runner.seed, self._iter, runner.rank)
        try:
            outputs = self._train_step(data_batch)
        except NonFiniteError as error:
            runner.call_hook('on_non_finite', data_batch=data_batch, error=error)
            if not error.handled:
                raise
            outputs = {}
        runner.call_hook(
            'after_train_iter', batch_idx=batch_idx, data_batch=data_batch, outputs=outputs
        )
        self._iter += 1

    def _train_step(self, data_batch: Any) -> dict:  # noqa: ANN401
        model, optim_wrapper = self.runner.model, self.optim_wrapper
        outputs = model.train_step(data_batch, optim_wrapper=optim_wrapper)
        require_finite(all_finite(float_buffers(model)), 'buffer')
        if at_step_boundary(optim_wrapper):
            require_finite(all_finite(model.parameters()), 'weight')
        return outputs

    def _validate_if_due(self) -> None:
        """Validate, unless the interval says no or it was done before a resume."""
        runner, progress = self.runner, self.progress
        self.val_interval = self.intervals[bisect(self.milestones, progress + 1) - 1]
        due = progress >= max(self.val_begin, 1) and (
            progress % self.val_interval == 0 or progress == self.max_progress
        )
        if runner.val_loop is None or not due:
            return
        if runner.message_hub.get_info(VALIDATED) == progress:
            return
        runner.message_hub.update_info(VALIDATED, progress)
        broadcast_buffers(runner.model)
        runner.val_loop.run()


def check_batches(dataloader: DataLoader) -> None:
    """Require that all ranks have equally many batches: each iteration waits for all of them.

    Raises:
        ConfigError: They have not, or there are none.
    """
    counts = all_gather_object(len(dataloader))
    if min(counts) == max(counts) > 0:
        return
    sampler = dataloader.batch_sampler
    if not max(counts):
        raise ConfigError(
            f'an epoch must have at least one batch, got none from {len(dataloader.dataset)} '
            f'samples in batches of {sampler.batch_size} whose last one is dropped: set '
            'train_dataloader.drop_last=False or a smaller train_dataloader.batch_size'
        )
    raise ConfigError(
        'every rank must train on the same number of batches, at least one, got '
        f'{", ".join(map(str, counts))} from {len(dataloader.dataset)} samples in batches of '
        f'{sampler.batch_size} (drop_last={sampler.drop_last}): set '
        'train_dataloader.sampler.round_up=True'
    )
