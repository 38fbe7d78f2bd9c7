"""Building blocks shared by networks."""

from .attention import ContextBlock, SqueezeExcitation
from .cells import dense_sources, merge_states, run_cell
from .checkpointing import checkpoint_module
from .dite_hrnet.adaptive_context import DenseContext, GlobalContext
from .dite_hrnet.blocks import DiteModule, DiteStem, DMCBlock, DynamicOptions
from .dite_hrnet.dynamic_conv import DynamicSplitConv, KernelAggregation, interleave_channels
from .exchange import IterativeHead
from .fabrics.fabric import CellFabric
from .fabrics.operators import (
    AtrConv3x3,
    AtrConv5x5,
    AvgPool3x3,
    BasicConv3x3,
    BottleConv3x3,
    Conv3x3,
    MaxPool3x3,
    SepConv3x3,
    SepConv5x5,
    SkipConnect,
    Zero,
)
from .freezing import fix_statistics, freeze
from .heatmap_propagation import propagate_heatmaps
from .input_size import check_input_channels, check_input_multiple
from .mixed_op import MixedOp
from .multi_resolution import make_fuse_layers, make_transition, run_transition
from .posenas.light_operations import DepthwiseSeparable, GroupedConv
from .residual import BasicBlock, Bottleneck, ResidualBlock, make_residual_layer, make_shortcut

__all__ = [
    'AtrConv3x3',
    'AtrConv5x5',
    'AvgPool3x3',
    'BasicBlock',
    'BasicConv3x3',
    'BottleConv3x3',
    'Bottleneck',
    'CellFabric',
    'ContextBlock',
    'Conv3x3',
    'DMCBlock',
    'DenseContext',
    'DepthwiseSeparable',
    'DiteModule',
    'DiteStem',
    'DynamicOptions',
    'DynamicSplitConv',
    'GlobalContext',
    'GroupedConv',
    'IterativeHead',
    'KernelAggregation',
    'MaxPool3x3',
    'MixedOp',
    'ResidualBlock',
    'SepConv3x3',
    'SepConv5x5',
    'SkipConnect',
    'SqueezeExcitation',
    'Zero',
    'check_input_channels',
    'check_input_multiple',
    'checkpoint_module',
    'dense_sources',
    'fix_statistics',
    'freeze',
    'interleave_channels',
    'make_fuse_layers',
    'make_residual_layer',
    'make_shortcut',
    'make_transition',
    'merge_states',
    'propagate_heatmaps',
    'run_cell',
    'run_transition',
]
