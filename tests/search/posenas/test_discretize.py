"""From strengths of edges and operations to one architecture."""

import torch

from posenas.search import PoseNASSpace
from posenas.search.posenas.discretize import derive_cells

OPERATIONS = ('none', 'skip_connect', 'std_conv_1x1', 'std_conv_3x3')
SPACE = PoseNASSpace(OPERATIONS, (*OPERATIONS, 'se_connect'))


def make_strengths(value=0.0):
    return {
        group.key: torch.full((len(group.edges), len(group.operations)), value).double()
        for group in SPACE.groups
    }


def read_node(arch, node, cell='encoder.normal'):
    sources = arch[f'{cell}.{node}.sources'].split(',')
    return list(zip(map(int, sources), (arch[f'{cell}.{node}.{e}'] for e in ENDS), strict=True))


ENDS = ('first', 'second')


def count_skips(arch, cell='encoder.normal'):
    return sum(
        value == 'skip_connect' for name, value in arch.items() if name.startswith(f'{cell}.')
    )


def test_a_node_keeps_its_strongest_edges_the_strongest_first():
    strengths = make_strengths()
    edges = SPACE.groups[0].edges
    for source, column, value in ((0, 1, 0.2), (1, 2, 0.9), (2, 3, 0.5), (3, 3, 0.1)):
        strengths['normal'][edges.index((4, source)), column] = value
    strengths['normal'][edges.index((4, 0)), 0] = 5.0  # none counts for nothing
    arch = derive_cells(SPACE, strengths)
    assert read_node(arch, 4) == [(1, 'std_conv_1x1'), (2, 'std_conv_3x3')]


def test_equal_edges_keep_the_first_sources_and_operations():
    arch = derive_cells(SPACE, make_strengths(0.25))
    for group in SPACE.groups:
        for node in range(2, 6):
            assert read_node(arch, node, group.name) == [(0, 'skip_connect'), (1, 'skip_connect')]


def test_the_weakest_identities_of_the_normal_cell_give_way():
    strengths = make_strengths(0.1)
    strengths['normal'][:, 1] = torch.linspace(0.2, 0.8, len(SPACE.groups[0].edges))
    assert count_skips(derive_cells(SPACE, strengths)) == 8
    arch = derive_cells(SPACE, strengths, max_skip=2)
    assert count_skips(arch) == 2
    assert read_node(arch, 5) == [(4, 'skip_connect'), (3, 'skip_connect')]
    assert count_skips(arch, 'encoder.reduce') == 8
