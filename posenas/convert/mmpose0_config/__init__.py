"""Configs of MMPose 0.x, translated key by key into ours."""

from .translate import translate_mmpose0_config

__all__ = ['translate_mmpose0_config']
