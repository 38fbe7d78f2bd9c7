"""What a supernet gets from its base class."""

import torch
from engine.toy_search import PlantedSupernet
from registry_cases import TINY_VIPNAS

from posenas.registry import MODELS


def test_architecture_weights_are_the_shares_of_the_candidates():
    supernet = PlantedSupernet()
    generator = torch.Generator().manual_seed(0)
    for alpha in supernet.alphas:
        alpha.data.normal_(generator=generator)
    weights = supernet.arch_weights()
    assert weights.keys() == supernet.arch_parameters().keys()
    for name, logits in supernet.arch_parameters().items():
        expected = logits.exp() / logits.exp().sum()
        torch.testing.assert_close(weights[name], expected)


def test_statistics_that_were_measured_are_predicted_with():
    supernet = MODELS.build(dict(TINY_VIPNAS, type='ViPNASSupernet'))
    buffers = {n: b for n, b in supernet.named_buffers() if n.endswith('running_mean')}
    supernet.load_statistics({name: torch.ones_like(buffer) for name, buffer in buffers.items()})
    assert len(buffers) > 5
    assert all((buffer == 1).all() for buffer in buffers.values())
