"""Building blocks shared by networks."""

from .attention import ContextBlock
from .checkpointing import checkpoint_module

__all__ = ['ContextBlock', 'checkpoint_module']
