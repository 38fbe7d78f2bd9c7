"""Hooks of training and testing."""

from .arch_values import ArchValueHook
from .check_invalid_loss import CheckInvalidLossHook
from .collapse_guard import CollapseGuardHook
from .distill_state import DistillStateHook
from .early_stopping import EarlyStoppingHook
from .ema_teacher import EMATeacherHook
from .input_pictures import InputPicturesHook
from .memory_forecast import MemoryForecastHook
from .nan_guard import NanGuardHook
from .perturbation import PerturbationHook
from .pipeline_switch import PipelineSwitchHook
from .plain_checkpoint import CheckpointHook, PlainCheckpointHook
from .run_report import RunReportHook
from .screen import ScreenHook
from .skip_dropout import AuxiliarySkipHook, SkipDropoutHook
from .stop_signal import StopSignalHook
from .subnet_scores import SubnetScoresHook
from .visualization import BadCaseAnalysisHook, PoseVisualizationHook

__all__ = [
    'ArchValueHook',
    'AuxiliarySkipHook',
    'BadCaseAnalysisHook',
    'CheckInvalidLossHook',
    'CheckpointHook',
    'CollapseGuardHook',
    'DistillStateHook',
    'EMATeacherHook',
    'EarlyStoppingHook',
    'InputPicturesHook',
    'MemoryForecastHook',
    'NanGuardHook',
    'PerturbationHook',
    'PipelineSwitchHook',
    'PlainCheckpointHook',
    'PoseVisualizationHook',
    'RunReportHook',
    'ScreenHook',
    'SkipDropoutHook',
    'StopSignalHook',
    'SubnetScoresHook',
]
