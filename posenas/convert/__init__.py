"""Checkpoints and configs of other projects: their names and ours."""

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
    'Conversion',
    'ConversionReport',
    'Rename',
    'convert_state_dict',
    'convert_with_report',
    'detect_source',
    'export_state_dict',
    'export_with_report',
    'invert_rules',
    'rename_entries',
    'unwrap_state_dict',
]
