"""What scripts for MMPose do first, though nothing here needs it."""

from collections.abc import Mapping
from importlib import import_module
from typing import TypeVar

from mmengine.registry import Registry, init_default_scope

Config = TypeVar('Config', bound=Mapping)


def register_all_modules(init_scope: bool = True) -> None:
    """Import all packages whose classes configs can name.

    Registries do so by themselves; scripts for MMPose call this first.

    Args:
        init_scope: Whether names without a scope are looked up in ours from now on.
    """
    for value in vars(import_module('posenas.registry')).values():
        if isinstance(value, Registry):
            value.import_from_location()
    if init_scope:
        init_default_scope('posenas')


def adapt_mmdet_pipeline(cfg: Config) -> Config:
    """Return the config of a detector as it is: detectors here read images as networks do."""
    return cfg
