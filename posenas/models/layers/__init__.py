"""Building blocks shared by networks."""

from .attention import ContextBlock
from .cells import dense_sources, run_cell
from .checkpointing import checkpoint_module
from .flip import flip_heatmaps

__all__ = ['ContextBlock', 'checkpoint_module', 'dense_sources', 'flip_heatmaps', 'run_cell']
