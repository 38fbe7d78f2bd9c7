"""Cells as graphs, as tuples of DARTS and as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posenas.genotype import (
    POSENAS_OPERATIONS,
    UNSTRIDED_OPERATIONS,
    Cell,
    format_cells,
    load_genotype,
    parse_cells,
)
from posenas.genotype.cells import ROLES, read_cell, write_cell
from posenas.utils import ConfigError

NAMES = dict(normal='encoder.normal', reduce='encoder.reduce', fusion='decoder.fuse2')


@st.composite
def cells(draw):
    """Any PoseNAS cell with two edges per node."""
    kind = draw(st.sampled_from(sorted(NAMES)))
    edges = []
    num_nodes = draw(st.integers(1, 5))
    for k in range(2 * num_nodes):
        source = draw(st.integers(0, 1 + k // 2))
        strided = kind == 'reduce' and source < 2
        legal = [o for o in POSENAS_OPERATIONS[1:] if not strided or o not in UNSTRIDED_OPERATIONS]
        edges.append((draw(st.sampled_from(legal)), source))
    states = draw(st.sets(st.integers(2, 1 + num_nodes), min_size=1))
    return Cell.from_tuples(kind, edges, sorted(states))


@given(cells())
def test_a_cell_comes_back_from_json_tuples_and_text(cell):
    assert read_cell('cell', write_cell(cell), tuple(ROLES), POSENAS_OPERATIONS) == cell
    assert Cell.from_tuples(cell.kind, cell.to_tuples(), cell.output) == cell
    named = {NAMES[cell.kind]: cell}
    assert parse_cells(format_cells(named)) == named


@given(cells())
def test_the_edges_are_numbered_through_the_nodes(cell):
    assert [s for node in cell.sources for s in node] == [edge.source for edge in cell.edges]
    assert [(edge.op, edge.source) for edge in cell.edges] == list(cell.to_tuples())


def test_the_released_genotype_reads_as_five_lines(golden_dir):
    genotype = load_genotype(golden_dir / 'posenas' / 'genotype_released.json')
    text = format_cells(genotype.cells)
    assert len(text.splitlines()) == 5
    assert parse_cells(text) == genotype.cells
    assert text.splitlines()[4] == (
        'decoder.fuse3: 2=(se_connect@0,se_connect@1)|3=(avg_pool_3x3@0,se_connect@2)|'
        '4=(se_connect@0,dil_conv_3x3_2@1)|5=(se_connect@0,se_connect@1)|out=2,3,4,5'
    )


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('normal: 2=(skip_connect@0)', 'must be a line such as'),
        ('normal: 3=(skip_connect@0,skip_connect@1)', 'counted from 2'),
        ('square: 2=(skip_connect@0,skip_connect@1)', 'kind must be one of'),
        ('normal: 2=(skip_connect@0,skip_connect@2)', 'from must be an integer in 0..1'),
        ('normal: 2=(skip_connect@0,none@1)', 'op must be one of'),
    ],
)
def test_text_with_a_wrong_graph_is_refused(line, message):
    with pytest.raises(ConfigError, match=message):
        parse_cells(line)


def test_tuples_must_fill_the_nodes():
    with pytest.raises(ConfigError, match='two edges per node, got 1'):
        Cell.from_tuples('normal', [('skip_connect', 0)])
    one_edge = write_cell(Cell.from_tuples('normal', [('skip_connect', 0)] * 2))
    one_edge['nodes'][0]['edges'].pop()
    with pytest.raises(ConfigError, match='keep this one as JSON'):
        read_cell('cell', one_edge, tuple(ROLES), POSENAS_OPERATIONS).to_tuples()
