"""Training loops."""

from .epoch_based import EpochBasedTrainLoop
from .iter_based import IterBasedTrainLoop
from .stream import batches_from
from .train_loop import TrainLoop

__all__ = ['EpochBasedTrainLoop', 'IterBasedTrainLoop', 'TrainLoop', 'batches_from']
