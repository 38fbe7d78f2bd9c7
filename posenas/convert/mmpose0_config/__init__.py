"""Configs of MMPose 0.x, translated key by key into ours."""

from .translate import is_mmpose0_config, translate_mmpose0_config

__all__ = ['is_mmpose0_config', 'translate_mmpose0_config']
