"""Errors, checks, configs, checkpoints and files; nothing here knows poses.

Names whose modules load torch or mmengine resolve lazily, so light packages can import this one.
"""

from importlib import import_module
from typing import Any

from posenas.utils.atomic_io import atomic_write, make_folder, write_json, write_text
from posenas.utils.checks import (
    check_choice,
    check_odd,
    check_positive,
    check_probability,
    check_shape,
)
from posenas.utils.errors import (
    CheckpointError,
    ConfigError,
    DataError,
    OutputError,
    PackageError,
    PoseNASError,
)
from posenas.utils.optional import import_optional

#: Public name -> module that defines it and loads torch or mmengine.
_LAZY: dict[str, str] = {
    'adapt_mmdet_pipeline': 'posenas.utils.registration',
    'count_parameters': 'posenas.utils.profiling',
    'DictAction': 'posenas.utils.config',
    'fetch_checkpoint': 'posenas.utils.download',
    'find_latest_checkpoint': 'posenas.utils.checkpoint',
    'load_checkpoint_file': 'posenas.utils.safe_load',
    'load_config': 'posenas.utils.config',
    'measure_latency': 'posenas.utils.profiling',
    'profile_model': 'posenas.utils.profiling',
    'register_all_modules': 'posenas.utils.registration',
    'register_atomic_backend': 'posenas.utils.file_backend',
    'register_checkpoint_loaders': 'posenas.utils.checkpoint_loaders',
    'resize_weights': 'posenas.utils.resizing',
    'save_checkpoint': 'posenas.utils.checkpoint',
    'verify_config': 'posenas.utils.config_check',
    'write_last_checkpoint': 'posenas.utils.checkpoint',
}

__all__ = [
    'CheckpointError',
    'ConfigError',
    'DataError',
    'DictAction',
    'OutputError',
    'PackageError',
    'PoseNASError',
    'adapt_mmdet_pipeline',
    'atomic_write',
    'check_choice',
    'check_odd',
    'check_positive',
    'check_probability',
    'check_shape',
    'count_parameters',
    'fetch_checkpoint',
    'find_latest_checkpoint',
    'import_optional',
    'load_checkpoint_file',
    'load_config',
    'make_folder',
    'measure_latency',
    'profile_model',
    'register_all_modules',
    'register_atomic_backend',
    'register_checkpoint_loaders',
    'resize_weights',
    'save_checkpoint',
    'verify_config',
    'write_json',
    'write_last_checkpoint',
    'write_text',
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module attribute can be anything)
    """Import the module of a lazy public name on first use."""
    if name not in _LAZY:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(_LAZY[name]), name)
