"""What a supernet gets from its base class."""

import torch
from engine.toy_search import PlantedSupernet


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
