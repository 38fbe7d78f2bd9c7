import pytest
import torch
from torch import nn

from posenas.models import checkpoint_module


def _block(bias=True):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=bias), nn.BatchNorm2d(4), nn.ReLU())


@pytest.mark.parametrize('training', [True, False])
def test_results_gradients_and_statistics_equal_the_plain_call(training):
    plain, saving = _block().train(training), _block().train(training)
    inputs = torch.randn(2, 3, 6, 6)
    grads = []
    for block, run in ((plain, plain), (saving, lambda x: checkpoint_module(saving, saving, x))):
        x = inputs.clone().requires_grad_()
        out = run(x)
        out.square().sum().backward()
        grads.append((out.detach(), x.grad, *(p.grad for p in block.parameters())))
    for a, b in zip(*grads, strict=True):
        assert torch.equal(a, b)
    for (name, a), b in zip(plain.state_dict().items(), saving.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_nothing_is_recomputed_when_the_input_needs_no_gradient():
    block, calls = _block(), []
    block.register_forward_hook(lambda *_: calls.append(1))
    checkpoint_module(block, block, torch.randn(2, 3, 6, 6)).sum().backward()
    assert len(calls) == 1
