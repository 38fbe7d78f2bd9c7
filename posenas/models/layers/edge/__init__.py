"""Blocks and last layers of networks for inference engines."""

from . import blocks, last_layers

__all__ = ['blocks', 'last_layers']
