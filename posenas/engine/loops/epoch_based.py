"""Training counted in epochs."""

from collections.abc import Sequence
from itertools import islice

from mmengine.runner import Runner
from torch.utils.data import DataLoader

from posenas.engine.loops.stream import batches_from
from posenas.engine.loops.train_loop import TrainLoop
from posenas.registry import LOOPS

#: Message hub entry: batches of one epoch, to tell positions in it from checkpoints of old.
BATCHES_PER_EPOCH = 'batches_per_epoch'


@LOOPS.register_module()
class EpochBasedTrainLoop(TrainLoop):
    """Train epoch by epoch.

    Differs from mmengine: gradients are never accumulated across the end of an epoch, so every
    epoch ends with a complete update.

    Args:
        runner: Runner that owns model and hooks.
        dataloader: Training data loader or its config.
        max_epochs: Epochs to train.
        val_begin: First epoch after which the model is validated.
        val_interval: Epochs between validations.
        dynamic_intervals: Pairs (epoch, interval): from that epoch on, the interval.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int = 1,
        dynamic_intervals: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        super().__init__(runner, dataloader, val_begin, val_interval, dynamic_intervals)
        if int(max_epochs) != max_epochs:
            raise ValueError(f'max_epochs must be a whole number, got {max_epochs}')
        self.max_epochs = self.max_progress = int(max_epochs)
        self._first_iter = 0  # of the current epoch

    @property
    def max_iters(self) -> int:
        """Iterations to train."""
        return self.max_epochs * len(self.dataloader)

    @property
    def progress(self) -> int:
        """Epochs completed."""
        return self._epoch

    def run_stages(self) -> None:
        """Alternate training and validation until the last epoch ends."""
        self.runner.message_hub.update_info(BATCHES_PER_EPOCH, len(self.dataloader))
        super().run_stages()

    def locate(self, epoch: int, iteration: int) -> None:
        """Continue after ``iteration`` iterations, ``epoch`` complete epochs among them.

        When the number of batches per epoch has changed since the checkpoint, an epoch begun is
        continued after the same share of it, which cannot be exact.
        """
        super().locate(epoch, iteration)
        length = len(self.dataloader)
        old_length = self.runner.message_hub.get_info(BATCHES_PER_EPOCH, length)
        done = iteration - epoch * old_length
        if old_length != length or not 0 <= done <= length:
            self.runner.logger.warning(
                f'an epoch had {old_length} batches when the checkpoint was written and has '
                f'{length} now: the training continues, but not to the same bits'
            )
            done = max(0, min(done, old_length)) * length // old_length
        self._first_iter = iteration - done

    def advance(self) -> None:
        """Train the rest of the current epoch."""
        runner, done, length = self.runner, self._iter - self._first_iter, len(self.dataloader)
        runner.call_hook('before_train_epoch')
        runner.model.train()
        if done < length:
            runner.optim_wrapper.initialize_count_status(runner.model, done, length)
            batches = batches_from(self.dataloader, self._epoch, done)
            for data_batch in islice(batches, length - done):  # the stream may be endless
                self.run_iter(self._iter - self._first_iter, data_batch)
        runner.call_hook('after_train_epoch')
        self._epoch += 1
        self._first_iter = self._iter
