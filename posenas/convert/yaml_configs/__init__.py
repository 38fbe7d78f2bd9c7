"""Configs that other projects write in YAML, translated key by key into ours."""

from .hrnet import is_hrnet_config, translate_hrnet_config
from .pnfs import is_pnfs_config, translate_pnfs_config

__all__ = [
    'is_hrnet_config',
    'is_pnfs_config',
    'translate_hrnet_config',
    'translate_pnfs_config',
]
