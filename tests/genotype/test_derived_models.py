"""Configs of plain networks from genotypes."""

import pytest
import torch
from search.derived_samples import make_model
from search.fabrics.test_prune import draw_weights, images, make_config

from posenas.genotype import FAMILIES, Family
from posenas.registry import MODELS
from posenas.search import derive_model
from posenas.search.derived_network import compare_outputs
from posenas.search.fabrics.prune import LOSSLESS, prune_network
from posenas.utils import ConfigError


def make_unread():
    """Write a network whose fabrics read fewer levels than its backbone can make."""
    config = make_config((5, 3, 4), ['Zero', 'skip_connect'], 1, True, False)
    config['backbone'] = dict(type='MobileNetV2Pyramid', unused_tail=True)
    config['neck']['in_channels'] = (24, 32, 96, 160)
    return config


@pytest.mark.parametrize('make', [make_model, make_unread], ids=['fabric', 'unread levels'])
def test_a_genotype_of_fabrics_makes_the_network_that_pruning_leaves(make):
    config = make()
    model = draw_weights(MODELS.build(config), 0, 0.5)
    _, state, genotype = prune_network(model, config)
    network = MODELS.build(derive_model(genotype, config))
    network.load_state_dict(state, strict=True)
    assert compare_outputs(model, network, images()).largest <= LOSSLESS
    assert MODELS.build(config).state_dict().keys() > network.state_dict().keys()


def test_what_is_derived_shares_nothing_with_what_it_was_derived_from():
    config = make_model()
    torch.manual_seed(0)
    _, _, genotype = prune_network(draw_weights(MODELS.build(config), 0, 0.5), config)
    derived = derive_model(genotype, config)
    derived['head']['parts']['num_parts'] = 8
    assert config == make_model()


def test_genotypes_of_unknown_families_are_refused(monkeypatch):
    config = make_model()
    genotype = prune_network(MODELS.build(config), config)[2]
    monkeypatch.setitem(FAMILIES, 'drawn', Family(draw=lambda genotype: []))
    object.__setattr__(genotype, 'family', 'drawn')
    with pytest.raises(ConfigError, match='must be of one of'):
        derive_model(genotype, config)
