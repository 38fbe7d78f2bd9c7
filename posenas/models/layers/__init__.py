"""Building blocks shared by networks."""

from .attention import ContextBlock
from .checkpointing import checkpoint_module
from .flip import flip_heatmaps

__all__ = ['ContextBlock', 'checkpoint_module', 'flip_heatmaps']
