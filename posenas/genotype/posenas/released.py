"""The published PoseNAS architecture, ready to read."""

from posenas.genotype.cells import Cell
from posenas.genotype.record import Genotype

_STD, _DIL, _SE, _AVG = 'std_conv_3x3', 'dil_conv_3x3_2', 'se_connect', 'avg_pool_3x3'
#: Kind and edges (operation, state it reads) of each cell: two for node 2, two for node 3 and so
#: on; states 0 and 1 are the inputs.
RELEASED_CELLS = {
    'encoder.normal': (
        'normal',
        ((_STD, 1), (_STD, 0), (_STD, 2), (_STD, 1), (_STD, 3), (_STD, 2), (_STD, 4), (_STD, 3)),
    ),
    'encoder.reduce': (
        'reduce',
        ((_STD, 1), (_STD, 0), (_DIL, 2), (_STD, 1), (_DIL, 3), (_STD, 0), (_DIL, 4), (_STD, 1)),
    ),
    'decoder.fuse1': (
        'fusion',
        ((_STD, 0), (_SE, 1), (_SE, 1), (_STD, 0), (_STD, 0), (_STD, 2), (_STD, 0), (_STD, 2)),
    ),
    'decoder.fuse2': (
        'fusion',
        ((_STD, 0), (_SE, 1), (_SE, 1), (_STD, 0), (_STD, 2), (_SE, 1), (_SE, 1), (_STD, 2)),
    ),
    'decoder.fuse3': (
        'fusion',
        ((_SE, 0), (_SE, 1), (_AVG, 0), (_SE, 2), (_SE, 0), (_DIL, 1), (_SE, 0), (_SE, 1)),
    ),
}
#: L18-C48, the network that the cells were published with.
RELEASED_MACRO = dict(
    layers=18,
    init_channels=48,
    reductions=[3, 8, 15],
    taps=[2, 7, 14, 17],
    num_stages=2,
    refine=dict(layers=12, channels=64, reductions=[3, 6, 9], taps=[2, 5, 8, 11]),
    fusion='released',
    share=dict(refine='encoder', stage2='decoder'),
)


def make_released_genotype() -> Genotype:
    """Make the genotype of the published L18-C48."""
    cells = {name: Cell.from_tuples(*cell) for name, cell in RELEASED_CELLS.items()}
    space = dict(id='posenas-cells/1')
    return Genotype('posenas', 'posenas-released', space, RELEASED_MACRO, cells)
