"""Training and testing: runner, loops, hooks and optimizer wrappers on mmengine."""

from .evaluator import Evaluator
from .exp_warmup import ExpWarmupLR
from .finite import NonFiniteError
from .hooks import (
    ArchValueHook,
    BadCaseAnalysisHook,
    CheckInvalidLossHook,
    CheckpointHook,
    DistillStateHook,
    EMATeacherHook,
    NanGuardHook,
    PipelineSwitchHook,
    PlainCheckpointHook,
    PoseVisualizationHook,
    ScreenHook,
    StopSignalHook,
)
from .loops import (
    ArchSearchLoop,
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    SearchLoop,
    SupernetLoop,
    TrainLoop,
)
from .model_wrappers import MMDistributedDataParallel
from .optim import AmpOptimWrapper, ArchOptimWrapperConstructor, OptimWrapper
from .runner import PoseRunner

__all__ = [
    'AmpOptimWrapper',
    'ArchOptimWrapperConstructor',
    'ArchSearchLoop',
    'ArchValueHook',
    'BadCaseAnalysisHook',
    'CheckInvalidLossHook',
    'CheckpointHook',
    'DistillStateHook',
    'EMATeacherHook',
    'EpochBasedTrainLoop',
    'Evaluator',
    'ExpWarmupLR',
    'IterBasedTrainLoop',
    'MMDistributedDataParallel',
    'NanGuardHook',
    'NonFiniteError',
    'OptimWrapper',
    'PipelineSwitchHook',
    'PlainCheckpointHook',
    'PoseRunner',
    'PoseVisualizationHook',
    'ScreenHook',
    'SearchLoop',
    'StopSignalHook',
    'SupernetLoop',
    'TrainLoop',
]
