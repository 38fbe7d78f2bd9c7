"""Training loops."""

from .arch_search_loop import BILEVEL, STRATEGIES, ArchSearchLoop, find_strategy
from .epoch_based import EpochBasedTrainLoop
from .iter_based import IterBasedTrainLoop
from .search_loop import SearchLoop
from .stream import batches_from
from .supernet_loop import SupernetLoop
from .train_loop import TrainLoop

__all__ = [
    'BILEVEL',
    'STRATEGIES',
    'ArchSearchLoop',
    'EpochBasedTrainLoop',
    'IterBasedTrainLoop',
    'SearchLoop',
    'SupernetLoop',
    'TrainLoop',
    'batches_from',
    'find_strategy',
]
