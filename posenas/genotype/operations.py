"""Names of the operations of cells, per family: equal names differ between families."""

#: Operations of PoseNAS cells beside the published ones: depthwise-separable and grouped kernels.
POSENAS_LIGHT_OPERATIONS = ('dw_conv_3x3', 'dw_conv_5x5', 'dw_conv_7x7', 'grp_conv_3x3')
#: Operations of PoseNAS cells, first those that were published, in their order; ``none`` only
#: exists during a search.
POSENAS_OPERATIONS = (
    'none',
    'avg_pool_3x3',
    'max_pool_3x3',
    'skip_connect',
    'std_conv_1x1',
    'std_conv_3x3',
    'dil_conv_3x3_2',
    'dil_conv_3x3_4',
    'se_connect',
    'spatial_wise',
    *POSENAS_LIGHT_OPERATIONS,
)
#: Those that keep the size; a reduction cell may apply them to its inputs only where its genotype
#: says ``strided_attention``, after a pooling.
UNSTRIDED_OPERATIONS = ('se_connect', 'spatial_wise')
#: Operators of neural fabrics; ``Zero`` only exists during a search.
CNF_OPERATIONS = (
    'Zero',
    'skip_connect',
    'Sep_Conv_3x3',
    'Sep_Conv_5x5',
    'Atr_Conv_3x3',
    'Atr_Conv_5x5',
    'avg_pool_3x3',
    'max_pool_3x3',
    'Basic_Conv_3x3',
    'Bottle_Conv_3x3',
    'conv_3x3',
)
