"""Training and testing: runner, loops, hooks and optimizer wrappers on mmengine."""

from .ema import ExpMomentumEMA
from .evaluator import Evaluator
from .finite import NonFiniteError
from .hooks import (
    CheckInvalidLossHook,
    CheckpointHook,
    NanGuardHook,
    PlainCheckpointHook,
    StopSignalHook,
)
from .loops import EpochBasedTrainLoop, IterBasedTrainLoop, TrainLoop
from .model_wrappers import MMDistributedDataParallel
from .optim import AmpOptimWrapper, OptimWrapper
from .runner import PoseRunner

__all__ = [
    'AmpOptimWrapper',
    'CheckInvalidLossHook',
    'CheckpointHook',
    'EpochBasedTrainLoop',
    'Evaluator',
    'ExpMomentumEMA',
    'IterBasedTrainLoop',
    'MMDistributedDataParallel',
    'NanGuardHook',
    'NonFiniteError',
    'OptimWrapper',
    'PlainCheckpointHook',
    'PoseRunner',
    'StopSignalHook',
    'TrainLoop',
]
