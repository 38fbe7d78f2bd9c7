"""Checkpoints and configs of other projects: their names and ours."""

from .adapt import adapt_checkpoint
from .averaging import average_states
from .configs import apply_options, find_config_kind, translate_config
from .describe import describe_network, find_family
from .distillation import make_distillation, merge_teacher, take_distillation
from .metrics import PUBLISHED_METRICS, choose_metrics, find_metric, metric_parameters
from .report import Conversion, ConversionReport
from .rules import Rename, invert_rules, rename_entries
from .state_dicts import (
    NAMINGS,
    convert_state_dict,
    convert_with_report,
    detect_source,
    export_state_dict,
    export_with_report,
    unwrap_state_dict,
)

__all__ = [
    'NAMINGS',
    'PUBLISHED_METRICS',
    'Conversion',
    'ConversionReport',
    'Rename',
    'adapt_checkpoint',
    'apply_options',
    'average_states',
    'choose_metrics',
    'convert_state_dict',
    'convert_with_report',
    'describe_network',
    'detect_source',
    'export_state_dict',
    'export_with_report',
    'find_config_kind',
    'find_family',
    'find_metric',
    'invert_rules',
    'make_distillation',
    'merge_teacher',
    'metric_parameters',
    'rename_entries',
    'take_distillation',
    'translate_config',
    'unwrap_state_dict',
]
