"""Parts of Dite-HRNet."""

from . import adaptive_context, blocks, dynamic_conv

__all__ = ['adaptive_context', 'blocks', 'dynamic_conv']
