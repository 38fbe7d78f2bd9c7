"""What a config makes impossible to construct is refused, wherever a registry builds it.

Importing this changes ``build`` of all registries, mmengine's among them.
"""

from typing import Any

from mmengine.registry import Registry

from posenas.utils.errors import refuse_impossible

_build = Registry.build


def _build_or_refuse(registry: Registry, cfg: dict, *args: Any, **kwargs: Any) -> object:
    """Build what a config describes.

    Raises:
        ConfigError: It has arguments that cannot be meant.
    """
    kind = cfg.get('type') if isinstance(cfg, dict) else None
    with refuse_impossible(str(getattr(kind, '__name__', kind or registry.name))):
        return _build(registry, cfg, *args, **kwargs)


Registry.build = _build_or_refuse
