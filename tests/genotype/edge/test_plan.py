"""Genotypes of networks for inference engines."""

from copy import deepcopy

import pytest

from posenas.genotype import edge_arguments, edge_genotype, make_graphs, read_edge, read_edge_config
from posenas.utils import ConfigError

CHOICES = dict(
    stem=dict(width=16),
    stages=[
        dict(kind='dense', width=24, depth=2, expand=1, kernel=3),
        dict(kind='inverted', width=32, depth=1, expand=4, kernel=7),
    ],
    fusion=dict(width=20),
    head=dict(kind='deconv', width=12),
)


def test_choices_are_read_as_convolutions():
    plan = read_edge(edge_genotype(CHOICES))
    assert [(conv.in_channels, conv.out_channels) for conv in plan.stem] == [(3, 8), (8, 16)]
    dense, inverted = plan.stages
    assert dense.down.stride == inverted.down.stride == 2
    assert [(c.in_channels, c.out_channels, c.kernel) for c in dense.block] == [(24, 24, 3)] * 2
    widen, depthwise, project = inverted.block
    assert (widen.out_channels, depthwise.groups, depthwise.kernel) == (128, 128, 7)
    assert (project.out_channels, project.with_act) == (32, False)
    parts = edge_arguments(edge_genotype(CHOICES))
    assert parts['neck']['channels'] == [20, 20]
    assert parts['head']['width'] == 12
    assert read_edge_config(parts).choices == CHOICES


def test_the_picture_shows_every_stage():
    labels = [node.label for node in make_graphs(edge_genotype(CHOICES))[0].nodes]
    assert sum('depth' in label or 'kernel' in label for label in labels) == 2
    assert 'head\ndeconv\nwidth 12' in labels


@pytest.mark.parametrize(
    ('place', 'value', 'said'),
    [
        (('stem', 'width'), 1, 'choices.stem.width must be an integer from 2 on'),
        (('stages',), [CHOICES['stages'][0]], 'must have 2 or 3 stages, got 1'),
        (('stages', 0, 'kind'), 'csp', r'choices.stages\[0\].kind must be one of'),
        (('stages', 0, 'expand'), 2, r"expand of 'dense' blocks must be one of \[1\], got 2"),
        (('stages', 1, 'kernel'), 4, "kernel of 'inverted' blocks must be one of"),
        (('head',), dict(kind='shuffle', width=3), 'unknown keys'),
        (('head',), dict(kind='deconv'), r"add \['width'\]"),
        (('head',), dict(kind='linear'), 'choices.head.kind must be one of'),
        (('fusion',), 3, 'must be a mapping'),
    ],
)
def test_choices_that_are_no_network_are_refused(place, value, said):
    wrong = deepcopy(CHOICES)
    inner = wrong
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ConfigError, match=said):
        edge_genotype(wrong)
