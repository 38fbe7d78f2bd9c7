"""Parts of Dite-HRNet."""

from . import adaptive_context, blocks, dynamic_conv, fusion

__all__ = ['adaptive_context', 'blocks', 'dynamic_conv', 'fusion']
