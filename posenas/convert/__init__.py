"""Checkpoints of other projects: their names and ours."""

from .rules import Rename, invert_rules, rename_entries
from .vipnas import SOURCES, convert_state_dict, detect_source, export_state_dict

__all__ = [
    'SOURCES',
    'Rename',
    'convert_state_dict',
    'detect_source',
    'export_state_dict',
    'invert_rules',
    'rename_entries',
]
