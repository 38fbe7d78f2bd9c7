"""Training loops."""

from .arch_search_loop import STRATEGIES, ArchSearchLoop, find_strategy
from .epoch_based import EpochBasedTrainLoop
from .iter_based import IterBasedTrainLoop
from .stream import batches_from
from .train_loop import TrainLoop

__all__ = [
    'STRATEGIES',
    'ArchSearchLoop',
    'EpochBasedTrainLoop',
    'IterBasedTrainLoop',
    'TrainLoop',
    'batches_from',
    'find_strategy',
]
