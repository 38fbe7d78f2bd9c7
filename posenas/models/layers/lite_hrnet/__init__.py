"""Parts of Lite-HRNet."""

from . import blocks

__all__ = ['blocks']
