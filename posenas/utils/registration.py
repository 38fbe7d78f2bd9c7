"""Register every class of the library, as scripts for MMPose ask for first."""

from importlib import import_module

from mmengine.registry import Registry, init_default_scope


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
