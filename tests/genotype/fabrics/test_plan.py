"""Wiring of neural fabrics."""

import pytest

from posenas.genotype.fabrics.plan import count_cells, plan_fabric
from posenas.utils import ConfigError

OPERATORS = ['Zero', 'skip_connect', 'Sep_Conv_3x3']


def plan(depth, cut_layers=0, **kwargs):
    return plan_fabric(depth, OPERATORS, cut_layers, **kwargs)


@pytest.mark.parametrize(
    ('depth', 'cut_layers', 'num_levels', 'cells'),
    [
        (6, 3, 4, (3, 2, 1)),
        (7, 4, 4, (3, 2, 1)),
        (7, 3, 4, (4, 3, 2, 1)),
        (8, 3, 4, (4, 4, 3, 2, 1)),
        (5, 3, 4, (2, 1)),
        (5, 2, 3, (3, 2, 1)),
        (6, 0, 1, (2, 3, 4, 3, 2, 1)),
        (6, 2, 4, (4, 3, 2, 1)),
    ],
)
def test_layers_have_the_published_numbers_of_cells(depth, cut_layers, num_levels, cells):
    made = plan(depth, cut_layers, num_levels=num_levels)
    assert tuple(map(len, made.layers)) == cells
    assert made.num_cells == sum(cells)
    names = [cell.name for cell in made.cells]
    wanted = [f'{cut_layers + j}_{i}' for j, count in enumerate(cells) for i in range(count)]
    assert names == wanted


def test_a_whole_fabric_grows_by_a_scale_per_layer_and_shrinks_to_one_cell():
    assert [count_cells(j, 9, 4) for j in range(9)] == [2, 3, 4, 4, 4, 4, 3, 2, 1]
    assert [count_cells(j, 6, 3) for j in range(6)] == [2, 3, 3, 3, 2, 1]


def test_cells_read_their_neighbours_and_their_own_scale_at_the_border():
    sources = {cell.name: tuple(cell.sources.values()) for cell in plan(6, 3).cells}
    assert sources == {  # parallel, above, below
        '3_0': (0, 0, 1),
        '3_1': (1, 0, 2),
        '3_2': (2, 1, 3),
        '4_0': (0, 0, 1),
        '4_1': (1, 0, 2),
        '5_0': (0, 0, 1),
    }


def test_a_growing_layer_reads_the_coarsest_map_three_times():
    sources = {cell.name: tuple(cell.sources.values()) for cell in plan(6).cells}
    assert sources['0_0'] == (0, 0, 0)
    assert sources['0_1'] == (0, 0, 0)
    assert sources['1_1'] == (1, 0, 1)
    assert sources['1_2'] == (1, 1, 1)


@pytest.mark.parametrize(
    ('depth', 'cut_layers', 'num_levels', 'read'),
    [(6, 3, 4, {0, 1, 2, 3}), (5, 3, 4, {0, 1, 2}), (6, 3, 3, {0, 1, 2}), (4, 3, 4, {0, 1})],
)
def test_levels_beyond_the_cells_are_not_read(depth, cut_layers, num_levels, read):
    assert plan(depth, cut_layers, num_levels=num_levels).levels_read == read


def test_the_wiring_follows_the_levels_that_there_are():
    three, four = plan(6, 3, num_levels=3), plan(6, 3, num_levels=4)
    assert three.layers[0][2].sources['below'] == 2
    assert four.layers[0][2].sources['below'] == 3
    assert not three.fits(4)
    assert plan(5, 3, num_levels=3).fits(4)  # the fourth is not read
    assert plan(6, 3) == four
    assert plan(5, 2).num_levels == 3


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(depth=6, cut_layers=3, num_levels=1), '2 to 4 pyramid levels, got 1'),
        (dict(depth=6, cut_layers=3, num_levels=5), '2 to 4 pyramid levels, got 5'),
        (dict(depth=6, cut_layers=6), 'cut_layers=6'),
        (dict(depth=6, cut_layers=-1), 'cut_layers=-1'),
        (dict(depth=6, reserve_layers=7), 'reserve_layers=7'),
        (dict(depth=6, cut_layers=3, size_types=(4, 8, 12)), 'twice the one before'),
        (dict(depth=6, cut_layers=3, factor=0), 'at least 1'),
        (dict(depth=6, cut_layers=3, hidden_states=0), 'at least 1'),
    ],
)
def test_numbers_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        plan(**arguments)


@pytest.mark.parametrize(('hidden_states', 'edges'), [(1, 1), (2, 3), (3, 6)])
def test_every_hidden_state_reads_all_states_before_it(hidden_states, edges):
    made = plan(6, 3, hidden_states=hidden_states)
    assert made.num_edges == edges
    assert all(
        cell.edges == ({1: 'skip_connect', 2: 'Sep_Conv_3x3'},) * edges for cell in made.cells
    )
