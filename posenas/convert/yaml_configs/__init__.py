"""Configs that other projects write in YAML, translated key by key into ours."""

from .hrnet import translate_hrnet_config
from .pnfs import translate_pnfs_config

__all__ = ['translate_hrnet_config', 'translate_pnfs_config']
