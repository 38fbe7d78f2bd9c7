"""Building blocks shared by networks."""

from .attention import ContextBlock
from .cells import dense_sources, run_cell
from .checkpointing import checkpoint_module
from .flip import flip_heatmaps
from .freezing import fix_statistics, freeze
from .input_size import check_input_multiple
from .multi_resolution import make_fuse_layers, make_transition, run_transition
from .residual import BasicBlock, Bottleneck, ResidualBlock, make_residual_layer, make_shortcut

__all__ = [
    'BasicBlock',
    'Bottleneck',
    'ContextBlock',
    'ResidualBlock',
    'check_input_multiple',
    'checkpoint_module',
    'dense_sources',
    'fix_statistics',
    'flip_heatmaps',
    'freeze',
    'make_fuse_layers',
    'make_residual_layer',
    'make_shortcut',
    'make_transition',
    'run_cell',
    'run_transition',
]
