"""Pictures of genotypes: whole, well-formed and the same every time."""

import re
from xml.etree import ElementTree

import pytest
from genotype.edge.test_plan import CHOICES as EDGE
from models.fabric_samples import genotype as fabric_genotype

from posenas.genotype import (
    SCHEMA,
    Genotype,
    Graph,
    Link,
    Node,
    edge_genotype,
    load_genotype,
    make_graphs,
)
from posenas.utils import ConfigError
from posenas.visualization import draw_graphs
from posenas.visualization.graph import FORMATS, to_dot

STAGE = dict(depth=2, width=80, kernel=3, groups=16, attention=True)
NET = dict(
    stem=dict(width=48, kernel=7), stages=[STAGE], head=[dict(width=144, kernel=4, groups=16)]
)


def choices(family, values):
    names = dict(schema=SCHEMA, name='found', space={}, macro=dict(backbone='ViPNAS_ResNet'))
    return Genotype.from_dict(dict(names, family=family, choices=values))


@pytest.fixture
def released(golden_dir):
    return load_genotype(golden_dir / 'posenas' / 'genotype_released.json')


@pytest.fixture
def samples(released):
    frames = [
        dict(fuse_stage=2, fuse_op='mul', net=NET),
        dict(fuse_stage=1, fuse_op='add', net='T'),
    ]
    return [
        released,
        Genotype.from_dict(fabric_genotype(parts=dict(arms=[0, 3], legs=[2, 1]))),
        choices('vipnas', NET),
        edge_genotype(EDGE),
        choices('t_vipnas', dict(period=3, key=1, frames=frames)),
    ]


def check_dot(text):
    """Hold a text to the part of the grammar of Graphviz that is used: statements and braces."""
    name = r'"(?:[^"\\]|\\.)*"'
    value = rf'(?:{name}|[\w.]+)'
    attributes = rf'\[\w+={value}(?:, \w+={value})*\]'
    statements = (
        r'digraph \w+ \{',
        r'subgraph \w+ \{',
        r'\}',
        rf'\w+={value};',
        rf'node {attributes};',
        rf'{name} {attributes};',
        rf'{name} -> {name} {attributes};',
    )
    for line in text.splitlines():
        assert any(re.fullmatch(statement, line.strip()) for statement in statements), line
    assert text.count('{\n') == len(re.findall(r'^\s*\}$', text, re.MULTILINE))


def test_every_family_is_drawn_well_formed_and_the_same_twice(samples):
    for sample in samples:
        graphs = make_graphs(sample)
        svg = draw_graphs(graphs, 'svg')
        assert svg == draw_graphs(make_graphs(Genotype.from_dict(sample.to_dict())), 'svg')
        root = ElementTree.fromstring(svg)  # noqa: S314
        texts = {element.text for element in root.iter('{http://www.w3.org/2000/svg}text')}
        assert {graph.title for graph in graphs} <= texts
        check_dot(draw_graphs(graphs, 'dot').decode())


@pytest.mark.parametrize(('kind', 'magic'), [('png', b'\x89PNG'), ('pdf', b'%PDF')])
def test_pictures_of_other_formats_are_stable_too(samples, kind, magic):
    pytest.importorskip('matplotlib')
    graphs = make_graphs(samples[1])
    first = draw_graphs(graphs, kind)
    assert first.startswith(magic)
    assert first == draw_graphs(graphs, kind)


def test_an_unknown_format_is_refused(samples):
    with pytest.raises(ValueError, match='format must be one of'):
        draw_graphs(make_graphs(samples[2]), 'gif')
    assert FORMATS[:2] == ('dot', 'svg')


def test_a_cell_shows_every_edge_with_its_operation(released):
    graph = next(g for g in make_graphs(released) if g.title.startswith('decoder.fuse3'))
    drawn = [(link.label, link.source, link.target) for link in graph.links if link.label]
    edges = released.cells['decoder.fuse3']
    wanted = [
        (edge.op, str(edge.source), str(node))
        for node, row in enumerate(edges.nodes, 2)
        for edge in row
    ]
    assert drawn == wanted
    dashed = {link.label for link in graph.links if link.is_dashed}
    assert dashed == {'avg_pool_3x3'}
    columns = {node.id: node.column for node in graph.nodes}
    assert all(columns[link.source] < columns[link.target] for link in graph.links)


def test_the_network_of_posenas_shows_sizes_and_taps(released):
    graph = make_graphs(released)[0]
    labels = {node.id: node.label for node in graph.nodes}
    assert labels['c0'] == 'c0 normal\n96 /4'
    assert labels['c15'] == 'c15 reduce\n768 /32'
    assert labels['r9'] == 'r9 reduce\n512 /32'
    links = {(link.source, link.target) for link in graph.links}
    assert {('c17', 'd2'), ('c14', 'd2'), ('c7', 'd1'), ('c2', 'd0'), ('d0', 'head0')} <= links
    assert {('h3', 'e2'), ('h0', 'e0'), ('e0', 'head1')} <= links
    smaller = Genotype.from_dict(released.to_dict())
    smaller.macro['num_stages'] = 1
    assert not [node for node in make_graphs(smaller)[0].nodes if node.id.startswith('r')]
    del smaller.macro['taps']
    with pytest.raises(ConfigError, match=r"add \['taps'\]"):
        make_graphs(smaller)


def test_arrows_of_fabrics_are_as_wide_as_the_weights():
    data = fabric_genotype(('arms',))
    data['cells']['arms.4_0']['inputs'][0]['weight'] = 0.01
    graph = make_graphs(Genotype.from_dict(data))[0]
    widths = {(link.source, link.target, link.label): link.width for link in graph.links}
    narrow = widths['level_0', 'arms.2_0', '0.25']
    assert widths['level_0', 'arms.2_0', '0.50'] == pytest.approx(2 * narrow)
    assert not [link for link in graph.links if link.target == 'arms.4_0']  # below 0.05
    labels = {node.id: node.label for node in graph.nodes}
    assert labels['arms.2_0'] == '2_0\nSep_Conv_3x3 0.50\nskip_connect 0.25'
    bends = {link.bend for link in graph.links if link.target == 'arms.2_0'}
    assert len(bends) == 2  # two slots that read the same level


def test_text_is_escaped():
    graph = Graph('<a> & "b"', (Node('x', 'a<b', 0, 0), Node('y', '"', 1, 0)), (Link('x', 'y'),))
    assert ElementTree.fromstring(draw_graphs([graph], 'svg')) is not None  # noqa: S314
    check_dot(to_dot([graph]))
